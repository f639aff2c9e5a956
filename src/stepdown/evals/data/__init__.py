"""Reads data sets: files of several formats, the ledger's own prompts, tables of known outcomes."""
