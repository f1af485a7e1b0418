"""From the desk to the values that the pure checks judge. Reading only, on the engine loop."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from datetime import timedelta
from typing import Final, NamedTuple

from engine.broker.port import LinkState
from engine.config import Config
from engine.config.values import Weekday
from engine.domain.instrument import Instrument, SecType, SessionHours
from engine.health.machine import StorePace
from engine.health.market import Calendar, DataAges, LinkPulse, Margins
from engine.health.restart import Restart, RestartPlan, restart_at
from engine.runtime import views
from engine.runtime.desk import Desk
from engine.store.store import StoreMetrics

_STORE_WINDOW_S: Final = 30.0
_WEEKDAYS: Final = tuple(Weekday)


class _Write(NamedTuple):
    at_s: float
    ms: float


class StoreWatch:
    """The store's pace over the last half minute, and for how long it has been stuck."""

    def __init__(self) -> None:
        self._times: deque[_Write] = deque()
        self._done = -1
        self._stuck_since_s: float | None = None

    def look(self, store: StoreMetrics, fresh_ms: Iterable[float], *, now_s: float) -> StorePace:
        """What the store says now, and the times of what was written since the last look."""
        self._times.extend(_Write(now_s, ms) for ms in fresh_ms)
        while self._times and now_s - self._times[0].at_s > _STORE_WINDOW_S:
            self._times.popleft()
        ordered = sorted(write.ms for write in self._times)
        return StorePace(
            healthy=store.healthy,
            p50_ms=ordered[len(ordered) // 2] if ordered else None,
            p99_ms=ordered[int(len(ordered) * 0.99)] if ordered else None,
            waiting_ms=self._waiting_ms(store, now_s),
        )

    def _waiting_ms(self, store: StoreMetrics, now_s: float) -> float:
        if not store.backlog or store.writes != self._done:
            self._done = store.writes
            self._stuck_since_s = now_s if store.backlog else None
        return 0.0 if self._stuck_since_s is None else (now_s - self._stuck_since_s) * 1000.0


def link_pulse(desk: Desk, round_trip_ms: float | None) -> LinkPulse:
    """The line as it stands."""
    up = desk.link is LinkState.UP
    state = " · ".join(filter(None, (desk.link.value.replace("_", " "), desk.link_note)))
    return LinkPulse(up, state, round_trip_ms if up else None, desk.config.connection.detect_s)


def data_ages(desk: Desk) -> DataAges:
    """Ages of the quotes of everything described whose market has been open for longer than the limit."""
    now = desk.now()
    grace = timedelta(seconds=desk.config.market_data.max_quote_age_seconds)
    ages: dict[str, float | None] = {}
    closed = 0
    for key, instrument in desk.instruments.items():
        session = instrument.liquid_session(now)
        if session is None:
            closed += 1
        elif now - session.open > grace:
            ages[key] = desk.quotes.age_s(key, now)
    return DataAges(ages, closed)


def entitlements(desk: Desk) -> dict[str, str]:
    """Instrument key -> what comes instead of real-time prices; only where something else does."""
    return {key: desk.quotes.kind_of(key) for key in desk.instruments if not desk.quotes.is_live(key)}


def margins(desk: Desk) -> Margins:
    """The account's figures."""
    value = desk.values.get
    return Margins(
        desk.net_liquidation_usd, value("ExcessLiquidity", math.nan), value("BuyingPower", math.nan)
    )


def calendar(desk: Desk) -> Calendar:
    """Sessions of everything described."""
    now, session = desk.now(), views.session_view(desk)
    unknown = tuple(
        sorted(i.key for i in desk.instruments.values() if not any(h.close > now for h in _hours(i)))
    )
    return Calendar(unknown, bool(session.is_open), session.closes_in_s, session.opens_in_s)


def _hours(instrument: Instrument) -> tuple[SessionHours, ...]:
    return instrument.trading_hours if instrument.sec_type is SecType.FUTURE else instrument.liquid_hours


def restart_plan(config: Config) -> RestartPlan:
    """The gateway's habits as configured."""
    section = config.gateway_restart
    return RestartPlan(
        start=section.start,
        end=section.end,
        no_entry_s=section.no_entry_minutes * 60.0,
        login_weekday=_WEEKDAYS.index(section.login_day),
        login_at=section.login_at,
    )


def restart(desk: Desk) -> Restart | None:
    """Where we stand between two restarts; None with the embedded gateway, which has none."""
    if desk.gateway == "embedded":
        return None
    return restart_at(desk.now(), restart_plan(desk.config))


def is_quiet(desk: Desk) -> bool:
    """True in the restart window of a real gateway: a line that is lost now is no trouble yet."""
    found = restart(desk)
    return found is not None and found.inside
