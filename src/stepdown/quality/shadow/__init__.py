"""Shadow traffic: a sample of the requests is answered by a second model, in the background."""
