"""What the record knows, for people to read: regrets by group, what became of samples, spending."""
