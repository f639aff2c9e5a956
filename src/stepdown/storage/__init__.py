"""The database: its address, its tables and migrations, and the statements that write to it."""
