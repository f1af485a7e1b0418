"""Guards: watch positions, orders, losses and the loop in the regular round, and act on danger."""
