"""The embedded paper gateway: a process of its own that speaks the TWS wire and simulates an exchange."""
