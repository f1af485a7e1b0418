"""The part of the contract that is about recovery: what differs from the broker, and how it is settled.

One row per difference. A row with choices waits for a person (or the policy); entries are blocked until
none waits. A choice is given for the row as it was shown: `stamp` changes whenever the row does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

FOREIGN_OWNER: Final = "foreign"
"""`PositionView.owner` and `OrderView.strategy` of what a person left alone."""


class RecoveryKind(StrEnum):
    """What a row is about."""

    RESTORED = "restored"
    """Books and broker agree on a position we knew."""
    CLOSED_AWAY = "closed_away"
    """We held it, the broker does not any more; booked from executions (or at an unknown price)."""
    QUANTITY = "quantity"
    """Same side, other quantity: the broker's was taken over."""
    ORPHAN = "orphan"
    """A position we know nothing of, or one of the other side."""
    FOREIGN = "foreign"
    """Left alone by a person's decision."""
    STRANGE_ORDER = "strange_order"
    """A working order at the broker that our books do not know."""
    UNKNOWN_ORDER = "unknown_order"
    """An order of ours whose fate nobody can say."""
    CORPORATE = "corporate"
    """A split, a symbol change or a forced liquidation, as far as it shows in the account."""


class RecoveryChoice(StrEnum):
    """What can be done about a row."""

    ADOPT = "adopt"
    """Take it over, with a protective stop at the broker."""
    CLOSE = "close"
    """Close exactly this quantity at market, reducing only."""
    FOREIGN = "foreign"
    """Leave it alone for good: it is somebody else's business."""
    CANCEL = "cancel"
    """Cancel the order at the broker."""
    NOT_SENT = "not_sent"
    """A person says that an order of unknown fate never reached the market; it stops counting."""


@dataclass(frozen=True, slots=True)
class RecoveryRow:
    """One line of the recovery screen. Text is clean and never markup; unknown is None."""

    row_id: str
    """`position <con_id>` for what nobody knows, `<kind> <con_id>` for any other position, `order <perm_id>`
    or `ref <orderRef>`: the same from one look to the next, and never that of another row."""
    kind: RecoveryKind
    symbol: str
    ours: int | None
    """Signed quantity our books had; None where it is about an order."""
    ours_text: str
    """`50 long ½`, `nothing`, or what our order was."""
    broker: float | None
    """Signed quantity at the broker; None where it is about an order or not known."""
    broker_text: str
    difference: str
    """What is different, in a few words: `none · stop alive`, `closed while away`, `orphan` …"""
    since: datetime | None
    """When it began, as far as anybody can tell (aware UTC)."""
    last_order: str
    """The last order known of it, for people; empty where none is."""
    unrealized_usd: float | None
    choices: tuple[RecoveryChoice, ...]
    """Empty where nothing is to be decided."""
    proposal: str
    """What was done, or what the engine would do: `restored`, `adopt with a stop at 512.40`."""
    stop_price: float | None = None
    """Proposed protective stop of an adoption, on the grid."""
    stop_text: str = ""
    """What the proposed stop is made of: `2 × ATR(14)`, `2.0 %`."""
    excess: float | None = None
    """Signed part of the broker's quantity that the decision is about; None where it is about an order."""
    decimals: int = 2
    tick: float | None = None
    """Price increment where the proposed stop lies; None where it is not known."""
    evidence: tuple[str, ...] = ()
    """Lines that say how this is known: executions, orders, store rows, with ids and times."""
    stamp: str = ""
    """Changes whenever something that matters for a decision does."""


@dataclass(frozen=True, slots=True)
class RecoveryView:
    """What is to be settled, and the report of this start."""

    rows: tuple[RecoveryRow, ...] = ()
    """Rows that wait for a decision first."""
    report: tuple[str, ...] = ()
    """The restart report (or the clean-start line) of this run; empty before the first comparison."""
    state_at: datetime | None = None
    """Last change of the stored state before this start; None on a first start."""
    crashed: bool = False
    """True where the run before ended without its goodbye."""
    settling: bool = False
    """True while decisions are being carried out."""

    @property
    def open_rows(self) -> tuple[RecoveryRow, ...]:
        """Rows that wait for a decision."""
        return tuple(row for row in self.rows if row.choices)


@dataclass(frozen=True, slots=True)
class Settlement:
    """One decision about one row as it was shown."""

    row_id: str
    choice: RecoveryChoice
    stamp: str
    stop_price: float | None = None
    """Protective stop of an adoption, where the operator changed the proposal."""
