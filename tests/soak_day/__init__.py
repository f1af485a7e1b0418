"""A whole simulated trading day of the real cockpit, with drills at random: docs/testing.md."""
