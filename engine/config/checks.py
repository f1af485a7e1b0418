"""Rules between keys: each value alone is fine, together they are not."""

from __future__ import annotations

from collections.abc import Iterator

from engine.config.model import Config
from engine.config.regime import RANKED_FROM


def conflicts(config: Config) -> Iterator[tuple[str, str]]:
    """Each broken rule as (key to change, what is expected of it)."""
    link, risk, hours = config.connection, config.risk, config.sessions
    if link.detect_s <= link.heartbeat_s:
        expected = f"expected more than connection.heartbeat_s ({link.heartbeat_s:g})"
        yield "connection.detect_s", f"{expected}: a good link would count as lost between two heartbeats"
    if link.standby_cap_s < link.standby_base_s:
        expected = f"expected at least connection.standby_base_s ({link.standby_base_s:g})"
        yield "connection.standby_cap_s", expected
    if config.breaker.fatal_above < config.breaker.loop_consecutive:
        expected = f"expected at least breaker.loop_consecutive ({config.breaker.loop_consecutive})"
        yield "breaker.fatal_above", f"{expected}: the session would end before it pauses"
    if hours.entry_end <= hours.entry_start:
        yield "sessions.entry_end", f"expected a time after sessions.entry_start ({hours.entry_start:%H:%M})"
    for name in ("per_symbol_notional_cap", "per_symbol_margin_cap"):
        if getattr(risk, name) > risk.max_gross_exposure:
            yield f"risk.{name}", f"expected at most risk.max_gross_exposure ({risk.max_gross_exposure:g})"
    yield from _of_strategies(config)
    yield from _of_markets(config)


def _of_strategies(config: Config) -> Iterator[tuple[str, str]]:
    for name, strategy in config.strategies.items():
        if not (strategy.symbols or strategy.from_scanner or strategy.from_futures):
            expected = "expected at least one symbol, or from_scanner above 0, or from_futures"
            yield f"strategies.{name}.symbols", expected
        if strategy.from_futures and not config.universe.futures.discover:
            yield f"strategies.{name}.from_futures", "expected 0, or universe.futures.discover = true"


def _of_markets(config: Config) -> Iterator[tuple[str, str]]:
    tiers = config.universe
    if list(tiers.min_24h_value) != sorted(tiers.min_24h_value, reverse=True):
        yield "universe.min_24h_value", "expected no tier to ask for more than the one before it"
    if list(tiers.max_spread_bps) != sorted(tiers.max_spread_bps):
        yield "universe.max_spread_bps", "expected no tier to allow less than the one before it"
    regime = config.regime
    needed = 2 * regime.window + RANKED_FROM
    if regime.bars < needed:
        yield "regime.bars", f"expected at least {needed} for a window of {regime.window} bars"
