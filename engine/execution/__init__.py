"""Execution: durable intents, the write-ahead protocol, protective stops, flattening."""
