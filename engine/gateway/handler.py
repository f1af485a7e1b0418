"""The shape of a request handler."""

from __future__ import annotations

from collections.abc import Callable

from engine.gateway.codec import FieldReader
from engine.gateway.session import Session
from engine.gateway.venue import Venue

Handler = Callable[[Venue, Session, FieldReader], None]
"""Answers one request: reads its fields (after the message id), queues replies on the session."""
