"""Batches: files of requests, each routed on its own, sent on at the providers' batch prices."""
