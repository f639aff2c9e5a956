"""The ledger: what each request cost, what its reference would have cost, and the difference."""
