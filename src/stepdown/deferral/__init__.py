"""Requests that are answered later: jobs, their answers to polls, and webhooks."""
