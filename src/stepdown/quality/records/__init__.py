"""Where the evidence is kept: pairs, what became of other sampled requests, a guard's events."""
