"""What the gate is asked with. Plain values; nothing here decides."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from engine.domain.instrument import Instrument
from engine.domain.market import Depth, Quote
from engine.domain.quick import quick
from engine.domain.reasons import Reason
from engine.risk.brakes import BrakeSet
from engine.risk.exposure import NOTHING_COMMITTED, Commitments, Exposure
from engine.risk.losses import NOTHING_LOST, Losses
from engine.risk.pace import UNHURRIED, Pace
from engine.risk.profile import Profile
from engine.risk.selection import UNSELECTED, Selection


class Budget(NamedTuple):
    """What one strategy may have out by itself."""

    strategy: str
    pct: float
    """Exposure of everything it holds and works, in percent of net liquidation value."""
    owners: Mapping[str, str]
    """Key -> the strategy that holds or works it."""


@quick
@dataclass(frozen=True, slots=True)
class GateWorld:
    """Everything the gate knows at the moment it is asked."""

    now: datetime
    """Exchange time, aware UTC."""
    blocked: Reason | None
    """Why the engine as a whole takes no entries (not ready, link, store …); None when it does."""
    blocked_text: str
    brakes: BrakeSet
    instrument: Instrument | None
    quote: Quote | None
    is_live_data: bool
    """False where the line delivers frozen or delayed data."""
    net_liquidation_usd: float
    equity_age_s: float
    """Real seconds since the broker last named the account's figures; NaN before it did."""
    available_funds_usd: float
    """What the account can still tie up; NaN where the broker never named it."""
    exposure: Exposure
    """What `commitments` come to, reckoned once for every decision in this world."""
    margin_usd: float | None
    """Cached initial margin per contract of a future; None where not known yet."""
    margin_age_s: float
    """Real seconds since the broker named that margin; NaN before it did."""
    strategy_allows_short: bool
    signals_used: AbstractSet[str]
    """Signal ids that already caused an entry."""
    profile: Profile = Profile.OPEN
    """What the strategy may trade at all."""
    is_paper: bool = True
    """False where the account holds real money."""
    commitments: Commitments = NOTHING_COMMITTED
    """What positions and orders that are not done can come to."""
    losses: Losses = NOTHING_LOST
    """Loss and drawdown of the account and of this symbol."""
    pace: Pace = UNHURRIED
    """How much was sent and filled lately."""
    selection: Selection = UNSELECTED
    """What regime and universe say about it."""
    roots: Mapping[str, str] = field(default_factory=dict)
    """Key -> what counts together with it under the cap of a symbol: the expiries of one future."""
    last_fill_at: datetime | None = None
    """When an order of ours last filled in this instrument today."""
    last_stop_out_at: datetime | None = None
    """When a protective stop last closed a position in it today."""
    budget: Budget | None = None
    """What the strategy may have out by itself; None where only the account's limits hold it."""
    attempts: int = 0
    """Entries at the proposal's pivot and side that filled today."""
    depth: Depth | None = None
    """Its book; None where that is not subscribed."""
    depth_floor: int = 0
    """Units at the touch below which it is thinner than it nearly ever is; 0 while that is not known."""
    entries_end: datetime | None = None
    """From when on the instrument takes no entry before its close; None where its hours are not known."""
