"""Measures what the health checks judge, and acts on their verdicts: blocks, alerts, rows, telemetry."""
