"""Strategies and indicators. Pure: market in, proposals out."""
