"""Stepdown: an LLM gateway that answers each prompt with the cheapest model that is good enough.

Importing this imports nothing else. To read the code, begin with ``pipeline.py``.
"""
