"""New rules, mined from sampled pairs: where the cheapest model would hardly be regretted."""
