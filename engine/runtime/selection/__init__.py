"""What may be traded now: tiers of the universe, the regime, who gets a data line."""
