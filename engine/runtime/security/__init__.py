"""Secrets while it runs: where they are found, when each was last changed, what its files look like."""
