"""The upward part of the contract: what an operator can ask for, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.api_orders import OrderPreview, OrderWish
from engine.api_recovery import Settlement


class ScopeKind(StrEnum):
    """What a brake holds."""

    ACCOUNT = "account"
    STRATEGY = "strategy"
    SYMBOL = "symbol"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a command or a brake is about; `name` is empty for the account."""

    kind: ScopeKind = ScopeKind.ACCOUNT
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind.value} {self.name}".strip()


class CommandKind(StrEnum):
    """Everything an operator can ask for."""

    PAUSE = "pause"
    RESUME = "resume"
    HALT = "halt"
    KILL = "kill"
    """Halts at once. With `confirmed` it also flattens and proves."""
    AT_OPEN = "at_open"
    """After a KILL: close at the open what a shut market keeps open; `target` is `yes` or `no`."""
    FLATTEN = "flatten"
    """Close `target` (a symbol), or every position where `target` is empty."""
    CANCEL_ORDER = "cancel_order"
    """Cancel the order whose ref is `target`."""
    MOVE_STOP = "move_stop"
    """Put the stop of the position `target` at the price `value`. Further away it must be `confirmed`."""
    PARTIAL = "partial"
    """Close `value` percent of what is held of `target` at market; its stop keeps the rest."""
    ORDER = "order"
    """Enter `target` as `order` says, by the gate that strategies pass. It must be `confirmed`."""
    JUDGE_ORDER = "judge_order"
    """Say what the gate would make of `order` in `target` now; nothing is sent or written down."""
    NOTE = "note"
    """Keep `reason` in the record, in the operator's own words; about a symbol where `target` names one."""
    SET_VALUE = "set_value"
    """Set the runtime value `target` to `value`. A higher one must be `confirmed`."""
    LOOK_BACK = "look_back"
    """Say what `value` for the runtime value `target` would have let through lately; nothing is changed."""
    REGIME = "regime"
    """Say the regime: `target` is `auto`, `bull`, `chop`, `bear` or `crash`. What widens is `confirmed`."""
    SWITCH = "switch"
    """Switch the strategy of `scope` `target` (`on` or `off`). On must be `confirmed`."""
    ACKNOWLEDGE = "acknowledge"
    STOP = "stop"
    """Shut down; `target` is `keep`, `flatten` or empty (= `shutdown.on_signal`)."""
    SETTLE = "settle"
    """Settle recovery rows as `settlements` say; refused where a row changed since it was shown."""
    DRILL = "drill"
    """Practise `target` (`kill`) with test orders; in PAPER, while nothing is held."""
    SCAN = "scan"
    """Find levels in history now, of the symbols in `target` or of all; answered, not traded by."""
    PLAN = "plan"
    """Tell the sessions and the limits of the day."""
    ABORT = "abort"
    """Leave instead of settling: exit 4, nothing is sent."""
    TAKE_OVER = "take_over"
    """This screen acts from now on; the one that did only watches."""
    SEEN = "seen"
    """The operator touched a key: a sign of life and nothing else."""
    WATCH = "watch"
    """Look at the market `target` in bars of `value` seconds, for a while; at none where it is empty.
    It changes nothing, is no sign of life, and is kept in no record."""
    DETACHED = "detached"
    """The front end's terminal is gone; `target` is `asked` or `lost`."""


@dataclass(frozen=True, slots=True)
class Command:
    """One wish of an operator. `command_id` is the asker's; the same id is carried out once."""

    command_id: str
    kind: CommandKind
    scope: Scope = Scope()
    target: str = ""
    value: float | None = None
    seen: float | None = None
    """The value that the asker saw; what loosens is refused where it is another one by now."""
    reason: str = ""
    who: str = "operator"
    confirmed: bool = False
    typed: str = ""
    """What the operator typed where a word is asked for (FLATTEN, the account id)."""
    settlements: tuple[Settlement, ...] = ()
    order: OrderWish | None = None
    asked_s: float | None = None
    """When it was asked for, by the monotonic clock of this machine; None: when it arrived. A release lifts
    no HALT or KILL that came on later: whoever asked did not know of it."""


class OutcomeStatus(StrEnum):
    """How a command ended."""

    DONE = "done"
    REFUSED = "refused"
    """A safety rule said no; nothing was changed."""
    FAILED = "failed"
    """Tried and did not (wholly) succeed; `text` names what stayed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command, for people (`text`) and for programs (`code`, `details`)."""

    command_id: str
    status: OutcomeStatus
    code: str
    """Reason code where refused or failed; empty when done."""
    text: str
    details: tuple[str, ...] = ()
    """A line per order or position touched."""
    order: OrderPreview | None = None
    """What the gate says to an order that was asked for."""
