"""Adjusting: what an operator may change while it runs, in force, audited and remembered."""
