"""What strategies that learn are told besides prices: contracts, account, books, and what they missed."""

from __future__ import annotations

from collections.abc import Iterable

from engine.api import Mode
from engine.domain.market import Depth
from engine.runtime.desk import Desk
from engine.runtime.running import Running
from engine.strategy.base import Account, Strategy


def introduce(desk: Desk, running: Running, before: Strategy) -> None:
    """A strategy was made anew for other instruments: it goes on with what the one before had learnt."""
    if not running.strategy.learns:
        return
    running.strategy.follow(before)
    fee_usd = desk.limits().order_rules.fee_usd
    for key in running.strategy.keys:
        instrument = desk.instruments.get(key)
        if instrument is not None:
            running.strategy.describe(instrument, fee_usd=fee_usd(instrument, quantity=1, price=1.0))


def tell_account(desk: Desk, running: Running) -> None:
    """What the account is worth, once a round."""
    if running.strategy.learns:
        is_paper = desk.mode is not Mode.LIVE
        running.strategy.take_account(Account(desk.net_liquidation_usd, is_paper=is_paper))


def tell_depth(readers: Iterable[Running], depth: Depth) -> None:
    """A book."""
    for running in readers:
        if running.strategy.learns and not running.off and depth.key not in running.off_at:
            running.strategy.on_depth(depth)


def tell_missed(all_running: Iterable[Running], key: str) -> None:
    """Live data of this instrument ended or broke off."""
    for running in all_running:
        if running.strategy.learns and key in running.keys:
            running.strategy.on_lost_data(key)
