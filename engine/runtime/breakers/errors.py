"""Errors after which a session cannot go on."""

from __future__ import annotations


class LineGivenUpError(Exception):
    """Every attempt failed and `connection.on_exhausted` is `exit`."""
