"""Replay: a past session shown again from its record, in the same screens; nothing here can act."""
