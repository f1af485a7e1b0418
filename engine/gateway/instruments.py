"""What is listed on a given day: stocks and futures chains from `data/instruments.toml`.

Contracts are values computed from the date, so a restart lists the same con_ids. Everything the simulation
needs to know of an instrument (level, volume, loads) sits beside its contract and goes nowhere else.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib import resources
from typing import Any, NamedTuple

from engine.gateway.calendar import session_on, zone_of
from engine.gateway.model import Contract

MONTH_CODES = "FGHJKMNQUVXZ"
_LISTED_EXPIRIES = 2
_SHARE_NEXT, _SHARE_PREVIOUS, _SHARE_FAR = 0.05, 0.04, 0.008
"""Volume of an expiry relative to the busiest: next after it, the one just rolled out of, the others."""
_CARRY_PER_YEAR = 0.03


@dataclass(frozen=True, slots=True)
class Traits:
    """How an instrument behaves in the simulation; meanings and units stand in the data file."""

    level: float
    loads: tuple[tuple[str, float], ...]
    own_vol_pct: float
    volume: float
    prints: float
    spread_ticks: int
    touch_size: float
    lag: float


@dataclass(frozen=True, slots=True)
class Root:
    """A family of futures: everything its expiries have in common."""

    symbol: str
    base_con_id: int
    trading_class: str
    months: str
    expiry: str
    roll_days: int
    template: Contract
    traits: Traits

    def contract(self, year: int, month: int) -> Contract:
        """The contract of one delivery month."""
        return _delivery(self, year, month)

    def chain(self, date: dt.date, count: int) -> list[Contract]:
        """The next `count` contracts that expire on the date or later, nearest first."""
        found: list[Contract] = []
        year, month = date.year, date.month
        while len(found) < count:
            if MONTH_CODES[month - 1] in self.months:
                contract = self.contract(year, month)
                if contract.expiry >= f"{date:%Y%m%d}":
                    found.append(contract)
            year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        return found

    def volume_share(self, contract: Contract, date: dt.date) -> float:
        """The contract's volume on a date relative to the busiest expiry's: trading rolls before expiry."""
        rolled = f"{date + dt.timedelta(days=self.roll_days):%Y%m%d}"
        if contract.expiry < rolled:
            return _SHARE_PREVIOUS
        front, following = self.chain(date + dt.timedelta(days=self.roll_days), 2)
        if contract.con_id == front.con_id:
            return 1.0
        return _SHARE_NEXT if contract.con_id == following.con_id else _SHARE_FAR


@lru_cache(maxsize=4096)
def _delivery(root: Root, year: int, month: int) -> Contract:
    code = MONTH_CODES[month - 1]
    return replace(
        root.template,
        con_id=root.base_con_id + (year - 2000) * 12 + month,
        local_symbol=f"{root.trading_class}{code}{year % 10}",
        expiry=f"{_EXPIRY_RULES[root.expiry](year, month):%Y%m%d}",
        contract_month=f"{year}{month:02d}",
    )


class Listed(NamedTuple):
    """A contract with what the simulation knows of it. `root` is None for stocks."""

    contract: Contract
    traits: Traits
    root: Root | None

    def volume_share(self, date: dt.date) -> float:
        """Volume on a date relative to the busiest expiry; 1.0 for stocks."""
        return 1.0 if self.root is None else self.root.volume_share(self.contract, date)

    def carry(self) -> float:
        """Log premium of a future over the common level, by its month: later months cost more."""
        if self.root is None:
            return 0.0
        month = int(self.contract.contract_month[4:])
        return _CARRY_PER_YEAR * ((month - 1) % 12) / 12


@dataclass(frozen=True, slots=True)
class Instruments:
    """The content of the data file."""

    stocks: Mapping[str, Listed]
    roots: Mapping[str, Root]
    factors: Mapping[str, float]
    """Daily volatility in percent by factor name."""
    market_rules: Mapping[int, tuple[tuple[float, float], ...]]
    """`(low edge, increment)` rows by market rule id."""

    def listing(self, date: dt.date) -> dict[int, Listed]:
        """Everything listed on a date by con_id: all stocks and the next expiries of every root."""
        listed = list(self.stocks.values())
        for root in self.roots.values():
            chain = root.chain(date, _LISTED_EXPIRIES)
            listed.extend(Listed(contract, root.traits, root) for contract in chain)
        return {item.contract.con_id: item for item in listed}


@cache
def load_instruments() -> Instruments:
    """Read the data file that ships with the package."""
    text = resources.files("engine.gateway").joinpath("data", "instruments.toml").read_text("utf-8")
    data = tomllib.loads(text)
    rules = {
        int(number): tuple((float(low), float(step)) for low, step in rows)
        for number, rows in data["market_rules"].items()
    }
    return Instruments(
        stocks={symbol: _stock(symbol, row) for symbol, row in data["stock"].items()},
        roots={symbol: _root(symbol, row) for symbol, row in data["future"].items()},
        factors=data["factors"],
        market_rules=rules,
    )


def _traits(row: dict[str, Any]) -> Traits:
    return Traits(
        level=row["level"],
        loads=tuple(row["loads"].items()),
        own_vol_pct=row["own_vol_pct"],
        volume=float(row["volume"]),
        prints=row["prints"],
        spread_ticks=row["spread_ticks"],
        touch_size=float(row["touch_size"]),
        lag=row["lag"],
    )


def stock_contract(symbol: str, con_id: int, **details: Any) -> Contract:
    """A stock on US exchanges with a one-cent grid; `details` override or complete the fields."""
    values: dict[str, Any] = {
        "sec_type": "STK",
        "exchange": "SMART",
        "currency": "USD",
        "local_symbol": symbol,
        "trading_class": symbol,
        "long_name": symbol,
        "min_tick": 0.01,
        "market_rule_id": 26,
        "calendar": "XNYS",
        "time_zone": zone_of("XNYS"),
        "primary_exchange": "NASDAQ",
        "stock_type": "COMMON",
    }
    values.update(details)
    values.setdefault("valid_exchanges", ("SMART", values["primary_exchange"]))
    return Contract(con_id=con_id, symbol=symbol, **values)


def _stock(symbol: str, row: dict[str, Any]) -> Listed:
    contract = stock_contract(
        symbol,
        row["con_id"],
        long_name=row["name"],
        primary_exchange=row["primary"],
        stock_type=row["type"],
        industry=row["industry"],
        category=row["category"],
        subcategory=row["subcategory"],
    )
    return Listed(contract, _traits(row), None)


def _root(symbol: str, row: dict[str, Any]) -> Root:
    template = Contract(
        con_id=row["base_con_id"],
        symbol=symbol,
        sec_type="FUT",
        exchange=row["exchange"],
        currency="USD",
        local_symbol="",
        trading_class=row["trading_class"],
        long_name=row["name"],
        min_tick=row["min_tick"],
        market_rule_id=row["market_rule_id"],
        calendar=row["calendar"],
        time_zone=zone_of(row["calendar"]),
        multiplier=row["multiplier"],
        under_con_id=row["base_con_id"],
        initial_margin=row["initial_margin"],
        maintenance_margin=row["maintenance_margin"],
        valid_exchanges=(row["exchange"],),
    )
    return Root(
        symbol,
        row["base_con_id"],
        row["trading_class"],
        row["months"],
        row["expiry"],
        row["roll_days"],
        template,
        _traits(row),
    )


# --- last trading days ----------------------------------------------------------------------------


def _is_business_day(date: dt.date) -> bool:
    """Expiry rules count the days on which the exchanges' floors and banks work, not Globex's short days."""
    return session_on("XNYS", date) is not None


def _business_days_before(date: dt.date, count: int) -> dt.date:
    while count:
        date -= dt.timedelta(days=1)
        count -= _is_business_day(date)
    return date


def _weekday_of_month(year: int, month: int, weekday: int, nth: int) -> dt.date:
    first = dt.date(year, month, 1)
    return first + dt.timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def _first_of_next(year: int, month: int) -> dt.date:
    return dt.date(year + month // 12, month % 12 + 1, 1)


def _third_friday(year: int, month: int) -> dt.date:
    day = _weekday_of_month(year, month, 4, 3)
    return day if _is_business_day(day) else _business_days_before(day, 1)


def _crude(year: int, month: int) -> dt.date:
    """Three business days before the 25th of the month before delivery (four if the 25th is none)."""
    before = dt.date(year, month, 1) - dt.timedelta(days=1)
    day = before.replace(day=25)
    return _business_days_before(day, 3 if _is_business_day(day) else 4)


def _gas(year: int, month: int) -> dt.date:
    return _business_days_before(dt.date(year, month, 1), 3)


def _metals(year: int, month: int) -> dt.date:
    return _business_days_before(_first_of_next(year, month), 3)


def _treasury(year: int, month: int) -> dt.date:
    """The seventh business day before the last one of the month."""
    return _business_days_before(_first_of_next(year, month), 8)


def _currency(year: int, month: int) -> dt.date:
    """The second business day before the third Wednesday."""
    return _business_days_before(_weekday_of_month(year, month, 2, 3), 2)


_EXPIRY_RULES = {
    "third_friday": _third_friday,
    "crude": _crude,
    "gas": _gas,
    "metals": _metals,
    "treasury": _treasury,
    "currency": _currency,
}
