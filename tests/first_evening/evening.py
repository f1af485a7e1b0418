"""One newcomer's evening in virtual time: the shipped market, strategies and gate, without processes.

Only the fill is simplified: an entry that the gate lets through fills at its limit, a stop at its price.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from engine.config import Config, StrategySection
from engine.domain.instrument import Instrument, PriceStep, SecType, SessionHours
from engine.domain.market import Bar, Quote, utc
from engine.domain.order import Intention, Proposal
from engine.domain.preview import EntryTicket
from engine.gateway.market_factory import choose_session, make_market, start_time
from engine.gateway.model import Contract, GatewaySettings, HistoryBar
from engine.gateway.ports import Market
from engine.market.catalog import front_month, parse_symbol
from engine.risk.brakes import BrakeSet
from engine.risk.exposure import Holding, commitments, exposure
from engine.risk.gate import check_entry
from engine.risk.world import GateWorld
from engine.strategy import STRATEGIES, Strategy, StrategyView
from tests.builders import LIMITS

FRIDAY = dt.date(2026, 11, 20)
BAR_S = 5


class Evening(NamedTuple):
    """What happened."""

    first_entry_s: float | None
    round_trips: int


@dataclass
class _Line:
    """One instrument of one strategy."""

    strategy: Strategy
    instrument: Instrument
    contract: Contract
    margin_usd: float | None
    allow_short: bool
    held: int = 0
    stop: float = 0.0
    filled_at: dt.datetime | None = None
    stopped_at: dt.datetime | None = None


def evening(seed: int, *, minutes: int) -> Evening:
    """Play the first minutes after 10:00 of a market with this seed."""
    settings = GatewaySettings(state_dir="", seed=seed)
    day = choose_session(settings, FRIDAY)
    start = start_time(settings, day)
    market = make_market(settings, session_date=day)
    lines = list(_lines(market, start))
    for line in lines:
        line.strategy.warm_up(_bars(market, line, end=start, count=line.strategy.warm_up_bars()))
    first: float | None = None
    trips = 0
    for step in range(1, minutes * 60 // BAR_S + 1):
        now = start + step * BAR_S
        market.advance(now)
        for line in lines:
            for bar in _bars(market, line, end=now, count=1):
                if bar.end == utc(now):
                    entered, left = _bar(line, bar, lines, market, now)
                    first = now - start if entered and first is None else first
                    trips += left
    return Evening(first, trips)


def _lines(market: Market, start: float) -> Iterator[_Line]:
    config = Config()
    for name, section in config.strategies.items():
        for symbol in section.symbols:
            yield _line(name, section, symbol, market, start)


def _line(name: str, section: StrategySection, symbol: str, market: Market, start: float) -> _Line:
    wanted = parse_symbol(symbol)
    listed = [
        c
        for c in market.contracts.values()
        if (c.symbol, c.sec_type) == (wanted.symbol, wanted.sec_type.value)
    ]
    chain = {_instrument(c, start).key: c for c in listed}
    found = tuple(_instrument(c, start) for c in listed)
    chosen = (
        front_month(found, utc(start), no_entry_days=3) if wanted.sec_type is SecType.FUTURE else found[0]
    )
    assert chosen is not None, symbol
    strategy = STRATEGIES.get(section.kind).create(name, params=dict(section.params), keys=[chosen.key])
    is_future = wanted.sec_type is SecType.FUTURE
    contract = chain[chosen.key]
    margin = contract.initial_margin if is_future else None
    return _Line(strategy, chosen, contract, margin, allow_short=is_future)


def _instrument(contract: Contract, start: float) -> Instrument:
    open_all_day = SessionHours(utc(start - 3600), utc(start + 6 * 3600))
    expiry = dt.date.fromisoformat(contract.expiry) if contract.expiry else None
    return Instrument(
        key=contract.local_symbol,
        con_id=contract.con_id,
        symbol=contract.symbol,
        sec_type=SecType(contract.sec_type),
        exchange=contract.exchange,
        currency=contract.currency,
        local_symbol=contract.local_symbol,
        multiplier=float(contract.multiplier),
        min_tick=contract.min_tick,
        price_steps=(PriceStep(0.0, contract.min_tick),),
        time_zone=contract.time_zone,
        liquid_hours=(open_all_day,),
        last_trade_date=expiry,
    )


def _bars(market: Market, line: _Line, *, end: float, count: int) -> list[Bar]:
    found = market.bars(line.contract.con_id, end=end, count=count, seconds=BAR_S, what="TRADES", rth=False)
    return [_bar_of(line, b) for b in found]


def _bar_of(line: _Line, bar: HistoryBar) -> Bar:
    end = utc(bar.start + BAR_S)
    return Bar(line.instrument.key, end, bar.open, bar.high, bar.low, bar.close, int(bar.volume))


def _bar(line: _Line, bar: Bar, lines: list[_Line], market: Market, now: float) -> tuple[bool, int]:
    """One bar of one line; returns whether it entered and how many round trips ended."""
    trips = 0
    if line.held and (bar.low <= line.stop if line.held > 0 else bar.high >= line.stop):
        line.held, trips = 0, 1
        line.filled_at = line.stopped_at = bar.end
    view = StrategyView(quantity=line.held, allow_short=line.allow_short)
    for proposal in line.strategy.on_bar(bar, view):
        if proposal.intention is Intention.EXIT and line.held:
            line.held, trips = 0, trips + 1
            line.filled_at = bar.end
        elif proposal.intention is Intention.ENTER and _enter(line, proposal, lines, market, now):
            return True, trips
    return False, trips


def _enter(line: _Line, proposal: Proposal, lines: list[_Line], market: Market, now: float) -> bool:
    share = Config().universe.max_depth_share_pct
    shipped = replace(LIMITS, depth_share_stock=share.STK / 100.0, depth_share_future=share.FUT / 100.0)
    ticket = check_entry(proposal, _world(line, lines, market, now), shipped)
    if not isinstance(ticket, EntryTicket):
        return False
    line.held = proposal.side.sign * ticket.quantity
    line.stop = ticket.stop_price
    line.filled_at = utc(now)
    return True


def _world(line: _Line, lines: list[_Line], market: Market, now: float) -> GateWorld:
    touch = market.quote(line.contract.con_id)
    assert touch is not None
    held = [other for other in lines if other.held]
    units = {o.instrument.key: o.margin_usd or o.stop * o.instrument.multiplier for o in held}
    out = commitments([Holding(o.instrument.key, o.held) for o in held], ())
    return GateWorld(
        now=utc(now),
        blocked=None,
        blocked_text="",
        brakes=BrakeSet(),
        instrument=line.instrument,
        quote=Quote(
            line.instrument.key,
            touch.bid,
            touch.ask,
            int(touch.bid_size),
            int(touch.ask_size),
            touch.ask,
            0,
            touch.ts,
        ),
        is_live_data=True,
        net_liquidation_usd=1_000_000.0,
        equity_age_s=0.0,
        available_funds_usd=1_000_000.0,
        margin_age_s=0.0,
        commitments=out,
        exposure=exposure(out, units.__getitem__),
        margin_usd=line.margin_usd,
        strategy_allows_short=line.allow_short,
        signals_used=frozenset(),
        last_fill_at=line.filled_at,
        last_stop_out_at=line.stopped_at,
    )
