"""Alerts: the one list of them, who keeps them, and the channels that carry them to the operator."""
