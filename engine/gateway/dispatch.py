"""Finds the handler of a message and keeps one bad message from hurting anyone but its sender."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from engine.gateway import (
    requests_account,
    requests_contracts,
    requests_history,
    requests_market,
    requests_orders,
    unforeseen,
)
from engine.gateway.codec import FieldError, FieldReader, split_fields
from engine.gateway.handler import Handler
from engine.gateway.journal import JournalError
from engine.gateway.ports import MarketError
from engine.gateway.session import Session
from engine.gateway.venue import Venue

log = logging.getLogger(__name__)

_BAD_MESSAGE: Final = 320
_UNKNOWN_MESSAGE: Final = 505
_START_API: Final = 71
# Places where the request id stands after the message id, for the errors of unreadable messages.
_ID_IS_FIRST: Final = frozenset({3, 20, 78, 81, 87, 90, 92, 93, 94, 95, 96, 97, 98, 104})
_ID_IS_SECOND: Final = frozenset({1, 2, 4, 7, 9, 10, 11, 25, 50, 51, 62, 63, 76, 77})

HANDLERS: Final[Mapping[int, Handler]] = {
    **requests_account.HANDLERS,
    **requests_contracts.HANDLERS,
    **requests_history.HANDLERS,
    **requests_market.HANDLERS,
    **requests_orders.HANDLERS,
}


def dispatch(venue: Venue, session: Session, payload: bytes) -> None:
    """Answer one message. A bad field is error 320, an unknown message 505; the connection lives.

    Raises FrameError where the payload is no message at all.
    """
    fields = split_fields(payload)
    request_id = _request_id(fields)
    try:
        reader = FieldReader(fields)
        kind = reader.integer("message id")
        handler = HANDLERS.get(kind)
        if handler is None:
            session.error(_UNKNOWN_MESSAGE, f"Fatal Error: Unknown message id {kind}.", request_id=request_id)
            return
        handler(venue, session, reader)
    except (JournalError, MarketError):
        raise
    except (FieldError, OverflowError) as error:
        log.warning("%s sent a message that cannot be read: %s", session.name, error)
        session.error(_BAD_MESSAGE, f"Error reading request: {error}", request_id=request_id)
    except Exception as error:  # noqa: BLE001  a fault of ours must not cost this client its connection
        unforeseen.note(f"{session.name}: message {fields[0]} was not carried out", error)
        text = "Error processing request: the gateway failed on it; see its log. Nothing else is affected"
        session.error(_BAD_MESSAGE, text, request_id=request_id)


def is_start(payload: bytes) -> bool:
    """Whether this is startApi."""
    return payload.startswith(b"71\0")


def read_start(payload: bytes) -> int:
    """The client id of a startApi message. Raises FieldError or FrameError."""
    reader = FieldReader(split_fields(payload))
    if reader.integer("message id") != _START_API:
        raise FieldError("the first message is not startApi")
    reader.integer("version")
    client_id = reader.integer("clientId")
    if client_id < 0:
        raise FieldError(f"field 'clientId' is negative: {client_id}")
    return client_id


def _request_id(fields: list[str]) -> int:
    kind = fields[0]
    if not kind.isdigit():
        return -1
    place = 1 if int(kind) in _ID_IS_FIRST else 2 if int(kind) in _ID_IS_SECOND else 0
    if not 0 < place < len(fields):
        return -1
    text = fields[place]
    return int(text) if text.isdigit() and len(text) < 10 else -1
