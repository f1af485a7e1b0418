"""Keeping: what outlives the process: checkpoints, backups, the session's events, the day's report."""
