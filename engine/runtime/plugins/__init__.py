"""Strategies from outside the tree: found by their entry points, left out where they are broken."""
