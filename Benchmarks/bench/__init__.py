"""What tools/bench consists of."""
