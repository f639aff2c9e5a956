"""Answers a request as the same one was answered before."""
