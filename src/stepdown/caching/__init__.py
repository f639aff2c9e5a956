"""Answers requests again as like ones were answered before."""
