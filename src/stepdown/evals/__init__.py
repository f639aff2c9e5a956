"""The eval harness: data sets, the answers to them, what a route would do, and the report."""
