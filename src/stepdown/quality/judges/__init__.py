"""Judges: models that say how good answers are, one kind a module."""
