"""Makes prompts shorter: the compressor, its techniques, and what they never touch."""
