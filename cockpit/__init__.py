"""The cockpit: a keyboard-driven terminal front end for one operator and one brokerage account."""

__version__ = "0.1.0"
