"""Which calendar an instrument trades by: a table of products, because exchanges' short names are none."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from engine.domain.instrument import Instrument, SecType


class UnknownCalendarError(LookupError):
    """No calendar is known for an instrument's exchange; the text says which."""


def calendar_name(sec_type: SecType, exchange: str, root: str) -> str:
    """Name of the calendar of a product. Raises UnknownCalendarError for an exchange without one."""
    table = _table()
    if sec_type is SecType.STOCK:
        return str(table["STK"]["default"])
    products: Mapping[str, Any] | None = table["FUT"].get(exchange)
    if products is None:
        known = ", ".join(sorted(table["FUT"]))
        raise UnknownCalendarError(f"{root}: no calendar for {exchange!r} is known; known are {known}")
    for name, roots in products.items():
        if name != "default" and root in roots:
            return name
    return str(products["default"])


def calendar_of(instrument: Instrument) -> str:
    """Name of the calendar an instrument trades by. Raises UnknownCalendarError."""
    return calendar_name(instrument.sec_type, instrument.exchange, instrument.symbol)


def every_calendar() -> tuple[str, ...]:
    """Every calendar the table names, sorted."""
    table = _table()
    names = {str(table["STK"]["default"])}
    for products in table["FUT"].values():
        names.add(str(products["default"]))
        names.update(name for name in products if name != "default")
    return tuple(sorted(names))


@cache
def _table() -> Mapping[str, Any]:
    text = files("engine.market").joinpath("data/calendars.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
