"""What the event log keeps so that a session can be replayed: the kinds of event and their payloads.

| kind | one event per | payload |
|---|---|---|
| `session` | start | `run_id version config_hash config mode gateway account speed`, what is held, ordered |
| `terms` | instrument described | contract, grid (`price_steps`) and hours |
| `tape` | ten seconds | `z`: quotes (one a second and instrument at most) and 5 s bars, as `packed` |
| `flow` | ten seconds | `z`: what strategies, gate and ledger were given, in order (`session_flow`) |
| `account` | ten seconds with a change | account value key to figure |
| `proposal` | proposal of a strategy | all of it, and the `verdict`: `passed`, `exit`, or a reason code |
| `cycle` | decision cycle with a proposal | per stage: in, out, drops by reason code, ms |
| `command` | operator command | kind, scope, target, value, who, reason, and how it ended |
| `told` | line on the screen | number, level, kind and text, as the events panel had it |

Orders, executions, positions and trades are events of their own (`ledger_log`), written with their rows.
Times inside payloads are epoch seconds (UTC, exchange time); an unknown price is null.
"""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from engine.domain.instrument import Instrument, PriceStep, SecType, SessionHours
from engine.domain.market import Bar, Quote, utc
from engine.domain.order import Proposal

_QUOTE = ("bid", "ask", "bid_size", "ask_size", "last", "last_size", "at")
_BAR = ("end", "open", "high", "low", "close", "volume", "wap", "trades", "seconds")


class Tape(NamedTuple):
    """A stretch of market data as the engine saw it."""

    quotes: tuple[Quote, ...]
    bars: tuple[Bar, ...]


def packed(quotes: Iterable[Quote], bars: Iterable[Bar]) -> dict[str, object]:
    """Payload of a `tape` event: columns per instrument as JSON, compressed, as text."""
    found: dict[str, dict[str, list[list[object]]]] = {"quotes": {}, "bars": {}}
    for quote in quotes:
        _add(found["quotes"].setdefault(quote.key, [[] for _ in _QUOTE]), quote[1:])
    for bar in bars:
        prices = (bar.open, bar.high, bar.low, bar.close)
        columns = found["bars"].setdefault(bar.symbol, [[] for _ in _BAR])
        _add(columns, (bar.end.timestamp(), *prices, bar.volume, bar.wap, bar.trades, bar.seconds))
    text = json.dumps(found, separators=(",", ":"))
    return {"z": base64.b64encode(zlib.compress(text.encode(), 6)).decode()}


def unpacked(payload: Mapping[str, Any]) -> Tape:
    """The market data of a `tape` event, per instrument in order. Raises ValueError where it is none."""
    try:
        found = json.loads(zlib.decompress(base64.b64decode(payload["z"])))
        quotes = [Quote(key, *map(_number, row)) for key, row in _rows(found["quotes"])]
        bars = [
            Bar(key, utc(end), o, h, low, c, volume, wap=_number(wap), trades=trades, seconds=seconds)
            for key, (end, o, h, low, c, volume, wap, trades, seconds) in _rows(found["bars"])
        ]
    except (KeyError, TypeError, zlib.error) as err:
        raise ValueError(f"no tape: {type(err).__name__} {err}") from err
    return Tape(tuple(quotes), tuple(bars))


def terms_payload(instrument: Instrument) -> dict[str, object]:
    """Payload of a `terms` event."""
    last_day = instrument.last_trade_date
    return {
        "key": instrument.key,
        "con_id": instrument.con_id,
        "symbol": instrument.symbol,
        "sec_type": instrument.sec_type.value,
        "exchange": instrument.exchange,
        "primary_exchange": instrument.primary_exchange,
        "currency": instrument.currency,
        "local_symbol": instrument.local_symbol,
        "trading_class": instrument.trading_class,
        "multiplier": instrument.multiplier,
        "min_tick": instrument.min_tick,
        "price_steps": [list(step) for step in instrument.price_steps],
        "time_zone": instrument.time_zone,
        "trading_hours": _hours(instrument.trading_hours),
        "liquid_hours": _hours(instrument.liquid_hours),
        "last_trade_date": None if last_day is None else last_day.isoformat(),
    }


def instrument_of(payload: Mapping[str, Any]) -> Instrument:
    """The instrument of a `terms` event. Raises KeyError or ValueError for a payload of another kind."""
    last_day = payload["last_trade_date"]
    return Instrument(
        key=payload["key"],
        con_id=payload["con_id"],
        symbol=payload["symbol"],
        sec_type=SecType(payload["sec_type"]),
        exchange=payload["exchange"],
        currency=payload["currency"],
        local_symbol=payload["local_symbol"],
        multiplier=payload["multiplier"],
        min_tick=payload["min_tick"],
        price_steps=tuple(PriceStep(*step) for step in payload["price_steps"]),
        time_zone=payload["time_zone"],
        trading_hours=_sessions(payload["trading_hours"]),
        liquid_hours=_sessions(payload["liquid_hours"]),
        last_trade_date=None if last_day is None else date.fromisoformat(last_day),
        primary_exchange=payload["primary_exchange"],
        trading_class=payload["trading_class"],
    )


def proposal_payload(
    proposal: Proposal, verdict: str, *, quantity: int | None = None, limit_price: float | None = None
) -> dict[str, object]:
    """Payload of a `proposal` event; size and limit where the gate let an entry through."""
    plan, terms = proposal.plan, proposal.terms
    return {
        "strategy": proposal.strategy,
        "key": proposal.key,
        "intention": proposal.intention.value,
        "side": proposal.side.value,
        "signal": proposal.signal_id,
        "at": proposal.at.timestamp(),
        "stop_price": proposal.stop_price,
        "target_price": proposal.target_price,
        "conviction": proposal.conviction,
        "exit_fraction": proposal.exit_fraction,
        "plan": [plan.pivot, plan.target1, plan.target2, plan.moves_to_breakeven],
        "terms": None if terms is None else [terms.notional_pct, terms.stop_loss_pct, terms.take_profit_pct],
        "note": proposal.note,
        "forecast": _forecast(proposal),
        "verdict": verdict,
        "quantity": quantity,
        "limit_price": limit_price,
    }


def _forecast(proposal: Proposal) -> dict[str, object] | None:
    """What is not finite is not known."""
    if proposal.forecast is None:
        return None
    said = proposal.forecast._asdict().items()
    return {name: value if math.isfinite(value) else None for name, value in said}


def _add(columns: list[list[object]], row: Sequence[float]) -> None:
    for column, value in zip(columns, row, strict=True):
        column.append(value if math.isfinite(value) else None)


def _rows(found: Mapping[str, list[list[Any]]]) -> list[tuple[str, tuple[Any, ...]]]:
    return [(key, row) for key, columns in found.items() for row in zip(*columns, strict=True)]


def _number(value: Any) -> Any:
    return math.nan if value is None else value


def _hours(hours: Iterable[SessionHours]) -> list[list[float]]:
    return [[span.open.timestamp(), span.close.timestamp()] for span in hours]


def _sessions(spans: Iterable[Iterable[float]]) -> tuple[SessionHours, ...]:
    return tuple(SessionHours(utc(begin), utc(end)) for begin, end in spans)
