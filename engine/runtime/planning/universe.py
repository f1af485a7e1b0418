"""Who may be entered today, symbol by symbol, as far as the configuration alone can tell."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from engine.config import Config, Profile, StrategySection
from engine.domain.instrument import SecType
from engine.domain.reasons import Reason
from engine.domain.setup import Setup
from engine.market.catalog import Wanted, parse_symbol
from engine.runtime.setups.picking import pick


def symbols_of(config: Config, setups: Sequence[Setup]) -> dict[str, tuple[str, ...]]:
    """Strategy -> what it trades: its symbols and, where it wants them, the best of a scanner's list."""
    barred = config.risk.restricted
    return {
        name: (
            *section.symbols,
            *pick(setups, most=section.from_scanner, own=section.symbols, held=(), barred=barred),
        )
        for name, section in config.strategies.items()
    }


def configured_rows(
    config: Config, setups: Sequence[Setup], *, level_kinds: Collection[str]
) -> list[dict[str, Any]]:
    """One row per strategy and symbol with why it is not entered, as far as that is known without a broker.

    `level_kinds` are the kinds of strategies that need levels, of which `setups` are those of the day.
    """
    rows = []
    levels = {setup.key for setup in setups}
    for name, symbols in symbols_of(config, setups).items():
        section = config.strategies[name]
        for symbol in symbols:
            code, text = _objection(config, section, symbol)
            if not code and section.kind in level_kinds and symbol not in levels:
                code = Reason.NO_SETUP.value
                text = "no levels for the day yet: a scanner file, or the engine's scan"
            rows.append(
                {"symbol": symbol, "strategy": name, "tier": None, "theme": "", "code": code, "text": text}
            )
    return rows


def _objection(config: Config, section: StrategySection, symbol: str) -> tuple[str, str]:
    wanted = parse_symbol(symbol)
    if not section.enabled:
        return "disabled", "its strategy is switched off in the configuration"
    if {symbol, wanted.symbol} & set(config.risk.restricted):
        return Reason.RESTRICTED.value, "on the restricted list"
    if _is_outside(section.profile, wanted):
        return Reason.PROFILE.value, f"the profile {section.profile.value} does not trade it"
    return "", "may be entered; an engine judges its value and spread"


def _is_outside(profile: Profile, wanted: Wanted) -> bool:
    only = {Profile.RULES: SecType.STOCK, Profile.FUTURES: SecType.FUTURE}.get(profile)
    return only is not None and wanted.sec_type is not only
