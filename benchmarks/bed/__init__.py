"""The bed that gateways are measured on: instant upstream, load generator, peers, processes."""
