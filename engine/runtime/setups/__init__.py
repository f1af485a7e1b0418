"""Setups: the levels of the day, from a scanner's file or from history, on their way to the strategies."""
