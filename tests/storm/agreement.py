"""What must be true between the exchange's own record and the engine's books, whatever was killed when.

`broken_for_ever` is wrong at any moment; `disagreements` only once everything has come to rest.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any, Protocol

from tests.storm.exchange_record import OURS, ExchangeRecord
from tests.waiting import eventually

AGREE_S = 20.0


class Place(Protocol):
    """Where an engine and an exchange can be looked at from outside."""

    def record(self) -> ExchangeRecord:
        """What the exchange wrote down."""
        ...

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the engine has stored."""
        ...


def broken_for_ever(place: Place) -> list[str]:
    """No order twice, none without a durable intent, none for a signal that had one."""
    record = place.record()
    known = {str(ref): str(signal) for ref, signal in place.rows("SELECT ref, signal_id FROM intent")}
    ours = [o["request"]["order_ref"] for o in record.orders.values() if _is_ours(o)]
    found = [f"{ref} was sent {count} times" for ref, count in Counter(ours).items() if count > 1]
    found += [f"{ref} reached the exchange without a durable intent" for ref in {*ours} - known.keys()]
    entries = Counter(known[ref] for ref in {*ours} & known.keys() if ref.endswith("-entry"))
    found += [f"signal {signal} was sent {count} times" for signal, count in entries.items() if count > 1]
    booked = place.rows("SELECT exec_id, count(*) FROM fill GROUP BY exec_id HAVING count(*) > 1")
    found += [f"execution {exec_id} is booked {count} times" for exec_id, count in booked]
    executed = {execution.exec_id for execution in place.record().executions}
    invented = {row[0] for row in place.rows("SELECT exec_id FROM fill")} - executed
    found += [f"execution {exec_id} is booked and never happened" for exec_id in invented]
    return found


def disagreements(place: Place) -> list[str]:
    """Positions, executions, orders and cover, compared at one moment; what is in motion counts as wrong."""
    record = place.record()
    found = [*_positions(place, record), *_executions(place, record), *_orders(place, record)]
    found += _commissions(place, record)
    told = quarantined(place, record)
    bare = [span for span in record.naked if span.ended is None and span.symbol not in told]
    found += [f"{s.symbol}: {s.units} units without a stop" for s in bare]
    found += [f"{s.symbol}: {s.units} units of stop too many" for s in record.over_covered if s.ended is None]
    if place.record().number != record.number:
        found.append("the exchange moved meanwhile")
    return found


def assert_agreement(place: Place, *, within_s: float = AGREE_S) -> None:
    """Engine and exchange agree at some moment within the time, and nothing is broken for ever."""
    last: list[str] = ["never looked"]

    def agree() -> bool:
        last[:] = disagreements(place)
        return not last

    try:
        eventually(agree, within_s=within_s)
    except AssertionError:
        raise AssertionError(f"no agreement within {within_s} s: {'; '.join(last)}") from None
    broken = broken_for_ever(place)
    assert not broken, "; ".join(broken)


def _is_ours(order: dict[str, object]) -> bool:
    request = order["request"]
    return isinstance(request, dict) and str(request.get("order_ref", "")).startswith(OURS)


def _positions(place: Place, record: ExchangeRecord) -> list[str]:
    ours = dict(place.rows("SELECT key, quantity FROM position"))
    theirs = {symbol: quantity for symbol, quantity in record.holdings.items() if quantity}
    return [
        f"{key}: the books say {ours.get(key, 0)}, the exchange holds {theirs.get(key, 0)}"
        for key in sorted({*ours, *theirs})
        if ours.get(key, 0) != theirs.get(key, 0)
    ]


def _executions(place: Place, record: ExchangeRecord) -> list[str]:
    booked = {row[0] for row in place.rows("SELECT exec_id FROM fill")}
    missing = [e for e in record.executions if e.ref.startswith(OURS) and e.exec_id not in booked]
    return [f"{e.symbol}: execution {e.exec_id} of {e.ref} is not booked" for e in missing]


def _commissions(place: Place, record: ExchangeRecord) -> list[str]:
    charged = dict(place.rows("SELECT exec_id, commission FROM fill WHERE replaced_by IS NULL"))
    return [
        f"{e.symbol}: {e.exec_id} cost {e.commission_usd}, the books say {charged[e.exec_id]}"
        for e in record.executions
        if e.exec_id in charged and Decimal(charged[e.exec_id] or 0) != e.commission_usd
    ]


def _orders(place: Place, record: ExchangeRecord) -> list[str]:
    working = {o["request"]["order_ref"] for o in record.working if _is_ours(o)}
    live = "state NOT IN ('filled', 'cancelled', 'rejected', 'abandoned')"
    ours = {row[0]: row[1] for row in place.rows(f"SELECT ref, state FROM intent WHERE {live}")}
    found = [f"{ref} works at the exchange, the books call it done" for ref in working - ours.keys()]
    ended = ours.keys() - working - parked(place, record)
    return found + [f"{ref} is {ours[ref]} in the books, the exchange ended it" for ref in ended]


def parked(place: Place, record: ExchangeRecord) -> frozenset[str]:
    """Orders of unknown fate that never reached the exchange: rightly kept, counted and never sent again."""
    reached = {order["request"].get("order_ref", "") for order in record.orders.values()}
    unknown = {row[0] for row in place.rows("SELECT ref FROM intent WHERE state = 'unknown'")}
    return frozenset(unknown - reached)


def quarantined(place: Place, record: ExchangeRecord) -> frozenset[str]:
    """Symbols with an exit of unknown fate: a stop beside it could open a position, so a person is called."""
    waiting = parked(place, record)
    rows = place.rows("SELECT ref, key FROM intent WHERE state = 'unknown' AND role IN ('exit', 'flatten')")
    return frozenset(key for ref, key in rows if ref in waiting)
