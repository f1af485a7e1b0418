"""How real it may get: evidence for the gates, LIVE and its first stage, whose account it is."""
