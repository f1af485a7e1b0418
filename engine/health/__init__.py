"""Is everything well enough to trade: verdicts over measured values, times against their limits. Pure."""
