"""The eval harness: data sets, the answers to them, what a route would have done, and the report."""
