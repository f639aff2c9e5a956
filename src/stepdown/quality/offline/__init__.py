"""What another policy would have done on recorded traffic, estimated from sampled pairs."""
