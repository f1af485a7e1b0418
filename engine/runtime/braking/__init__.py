"""Brakes at work: carrying out HALT and KILL, going on with them, the drill, the absent operator."""
