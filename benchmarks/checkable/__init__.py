"""Prompts with checkable answers, two models' replies, and what cascades make of them."""
