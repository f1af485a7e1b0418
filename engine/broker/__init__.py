"""The broker's room: one port, one adapter, one file that knows the library."""
