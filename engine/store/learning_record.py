"""What the store knows of all that was learnt, for a report: judged decisions, shadow trades, models."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import NamedTuple

from engine.domain.position import Trade
from engine.store.backup import binding_of
from engine.store.connection import at_one_moment
from engine.store.learning import ModelRow, learned_keys, stored_models
from engine.store.positions import load_trades


class Judged(NamedTuple):
    """One decision whose outcome is known."""

    at: float
    """Epoch seconds."""
    p: float
    """Calibrated probability of its direction."""
    is_right: bool


class Booked(NamedTuple):
    """One shadow trade."""

    net_ticks: float
    worst_ticks: float


class ContractRecord(NamedTuple):
    """One contract of one strategy."""

    strategy: str
    key: str
    decisions: int
    first_at: float | None
    last_at: float | None
    judged: tuple[Judged, ...]
    """Those where the price moved at all, in their order."""
    booked: tuple[Booked, ...]
    """Of every decision, traded or not; neighbours overlap."""
    models: tuple[ModelRow, ...]
    """The newest first."""
    trades: tuple[Trade, ...]
    """Real ones, exploring ones among them."""


class LearningRecord(NamedTuple):
    """All of an account."""

    gateway: str
    account: str
    contracts: tuple[ContractRecord, ...]


def load_learning(path: Path) -> LearningRecord:
    """Read everything that was learnt, whether an engine runs or not.

    Raises:
        StoreError: the file is missing, damaged or somebody else's.
    """
    with at_one_moment(path) as conn:
        binding = binding_of(conn, path)
        trades = load_trades(conn, since=None)
        contracts = [_contract(conn, name, key, trades) for name, key in learned_keys(conn) if key]
        return LearningRecord(binding.gateway, binding.account, tuple(contracts))


def _contract(conn: sqlite3.Connection, name: str, key: str, trades: tuple[Trade, ...]) -> ContractRecord:
    who = (name, key)
    ((count, first, last),) = conn.execute(
        "SELECT count(*), min(at), max(at) FROM learned_decision WHERE strategy = ? AND key = ?", who
    )
    # Joined here: no index leads from a decision's number to its outcome, and a day has thousands.
    moved = conn.execute(
        "SELECT number, ticks FROM learned_outcome WHERE strategy = ? AND key = ? AND kind = 'move'"
        " AND ticks IS NOT NULL AND ticks <> 0",
        who,
    )
    ticks = dict(moved.fetchall())
    decided = conn.execute(
        "SELECT at, p, is_up, number FROM learned_decision WHERE strategy = ? AND key = ?"
        " ORDER BY turn, step",
        who,
    )
    booked = conn.execute(
        "SELECT ticks, worst_ticks FROM learned_outcome WHERE strategy = ? AND key = ?"
        " AND kind = 'payoff' AND ticks IS NOT NULL ORDER BY turn, step",
        who,
    )
    return ContractRecord(
        name,
        key,
        count,
        first,
        last,
        tuple([Judged(at, p, (ticks[n] > 0) == bool(up)) for at, p, up, n in decided if n in ticks]),
        tuple([Booked(*row) for row in booked]),
        stored_models(conn, strategy=name, key=key),
        tuple([trade for trade in trades if (trade.owner, trade.key) == who]),
    )
