"""Who may be entered today, symbol by symbol, as far as the configuration alone can tell."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from engine.config import Config, Profile, StrategySection
from engine.domain.instrument import SecType
from engine.domain.reasons import Reason
from engine.market.catalog import Wanted, parse_symbol


def configured_rows(
    config: Config, *, levels: Collection[str], level_kinds: Collection[str]
) -> list[dict[str, Any]]:
    """One row per strategy and symbol with why it is not entered, as far as that is known without a broker.

    `levels` are the symbols that have levels for the day, `level_kinds` the kinds that need them.
    """
    rows = []
    for name, section in config.strategies.items():
        for symbol in section.symbols:
            code, text = _objection(config, section, symbol)
            if not code and section.kind in level_kinds and symbol not in levels:
                code, text = (
                    Reason.NO_SETUP.value,
                    "no levels for the day yet: a scanner file, or the engine's scan",
                )
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
