"""What goes wrong inside the engine: how bad it is, whom it touches, what it stops."""
