"""The formats of rows: one module each, which tells its rows from others and reads them."""
