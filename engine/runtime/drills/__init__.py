"""Drills: what goes wrong on a trading day, made to happen to a private engine, judged by fixed limits."""
