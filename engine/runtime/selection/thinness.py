"""Says of a future whose book shows too little now why it is skipped, before anybody wants to enter it."""

from __future__ import annotations

from engine.domain.instrument import SecType
from engine.runtime.desk import Desk


def too_thin(desk: Desk, key: str) -> str:
    """Why its depth is too little, in words; empty where it is enough or not known.

    What an entry would meet is judged by the gate (`engine.risk.liquidity`), by its side and size; this is
    what holds for either side and for one contract.
    """
    instrument = desk.instruments.get(key)
    if instrument is None or instrument.sec_type is not SecType.FUTURE:
        return ""
    book, quote = desk.quotes.depth(key), desk.quotes.quote(key)
    if book is not None and not (book.bids and book.asks):
        side = "asks" if book.bids else "bids" if book.asks else "orders"
        return f"{key}: its book shows no {side}"
    floor = desk.inputs.depth_floors.get(key, 0)
    if quote is None or not floor:
        return ""
    touch = max(quote.bid_size, quote.ask_size)
    return "" if touch >= floor else f"{key}: {touch} at the touch, which nearly always shows {floor} or more"
