"""How good answers are: scorers, judges, downgrade regret, and what can be said with confidence."""
