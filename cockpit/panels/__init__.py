"""Panels: each shows one slice of the snapshot."""
