"""The parts of a report's page; ``evals.html`` puts them together."""
