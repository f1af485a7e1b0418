"""Texts both directions of the wire share: versions, contract columns, dates with time zones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.gateway.codec import Field, FieldError
from engine.gateway.model import Contract

MIN_VERSION: Final = 157
MAX_VERSION: Final = 178
EXCHANGE_ZONE_NAME: Final = "US/Eastern"
EXCHANGE_ZONE: Final = ZoneInfo(EXCHANGE_ZONE_NAME)
_V_ZONED_TIMES: Final = 174


def contract_columns(contract: Contract, *, exchange: str | None = None) -> tuple[Field, ...]:
    """The eleven columns every server message uses for a contract."""
    return (
        contract.con_id,
        contract.symbol,
        contract.sec_type,
        contract.expiry,
        0,
        "",
        contract.multiplier if contract.sec_type == "FUT" else "",
        contract.exchange if exchange is None else exchange,
        contract.currency,
        contract.local_symbol,
        contract.trading_class,
    )


def time_text(ts: float, *, version: int) -> str:
    """An instant as TWS writes it: with a zone from 174 on, with two spaces and without one before."""
    local = datetime.fromtimestamp(ts, EXCHANGE_ZONE)
    if version >= _V_ZONED_TIMES:
        return f"{local:%Y%m%d %H:%M:%S} {EXCHANGE_ZONE_NAME}"
    return f"{local:%Y%m%d  %H:%M:%S}"


def date_text(ts: float) -> str:
    """The exchange's calendar date of an instant, `YYYYMMDD`."""
    return f"{datetime.fromtimestamp(ts, EXCHANGE_ZONE):%Y%m%d}"


def parse_time(text: str, *, name: str) -> float | None:
    """Epoch seconds of a client's date text; None for an empty one.

    Accepts `YYYYMMDD`, `YYYYMMDD HH:MM[:SS][ zone]` and `YYYYMMDD-HH:MM:SS` (UTC, the API's own
    spelling). A text without a zone is in the exchange's. Raises FieldError for anything else.
    """
    words = text.split()
    if not words:
        return None
    zone: ZoneInfo | None = None
    if len(words) > 1 and not words[-1][0].isdigit():
        zone = _zone(words.pop(), field_name=name)
    stamp = " ".join(words)
    for pattern in ("%Y%m%d %H:%M:%S", "%Y%m%d %H:%M", "%Y%m%d-%H:%M:%S", "%Y%m%d"):
        try:
            naive = datetime.strptime(stamp, pattern)  # noqa: DTZ007  the zone follows in the next line
        except ValueError:
            continue
        default = UTC if "-" in pattern else EXCHANGE_ZONE
        return naive.replace(tzinfo=zone or default).timestamp()
    raise FieldError(f"field '{name}' is not a date and time: {text[:40]!r}")


def _zone(zone_name: str, *, field_name: str) -> ZoneInfo:
    try:
        return ZoneInfo(zone_name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise FieldError(f"field '{field_name}' has an unknown time zone: {zone_name[:40]!r}") from None
