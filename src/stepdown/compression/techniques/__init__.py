"""The ways in which a prompt is made shorter, one a file."""
