"""The section of futures that nobody named: found at the broker, and the one contract of each chosen."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from engine.config.sections import Section
from engine.config.values import key, matching

_EXCHANGE = matching(r"[A-Z][A-Z0-9]{1,11}", "an exchange as the broker spells it, in capitals (CME)")


class FuturesSection(Section):
    """Futures that are found at the broker rather than named here."""

    discover: bool = False
    """true = after the start, and on each new day, every future of the exchanges below is looked for. It is
    shown on the Markets screen and gets a data line as far as there are any, the most traded first;
    strategies with from_futures trade it."""
    exchanges: tuple[Annotated[str, AfterValidator(_EXCHANGE)], ...] = ("CME", "CBOT", "NYMEX", "COMEX")
    """Where it is looked. A broker that does not list an exchange whole (TWS does not) is asked root by root,
    by a list that is part of the program."""
    depth_lines: int = key(3, ge=0, le=60)
    """Books (level 2) that are subscribed: of futures that a strategy learns from, and while discover is on
    of the most needed others; the broker grants three to most accounts. What has one is judged by it: see
    max_depth_share_pct."""
