"""The three brakes: PAUSE, HALT, KILL. A set of values and what it blocks; who sends what is not here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum, StrEnum

from engine.domain.reasons import Reason


class BrakeLevel(IntEnum):
    """Brakes by strength; each does what the milder ones do."""

    PAUSE = 1
    HALT = 2
    KILL = 3


class BrakeScope(StrEnum):
    """What a brake holds."""

    ACCOUNT = "account"
    STRATEGY = "strategy"
    SYMBOL = "symbol"


REASON_OF = {
    BrakeLevel.PAUSE: Reason.PAUSED,
    BrakeLevel.HALT: Reason.HALTED,
    BrakeLevel.KILL: Reason.KILLED,
}


@dataclass(frozen=True, slots=True)
class Brake:
    """One brake that is on. It stays on over restarts until a person clears it."""

    brake_id: str
    level: BrakeLevel
    scope: BrakeScope
    name: str
    """Strategy or symbol; empty for the account."""
    reason: str
    who: str
    at: datetime
    proof: str = ""
    """What a KILL proved, or could not."""
    not_flat: bool = False
    """True while a KILL's record names something still open: then the brake cannot be lifted."""
    at_open: str = ""
    """Who asked that what a shut market kept open is closed at the open; empty where nobody did."""

    def holds(self, *, strategy: str, key: str) -> bool:
        """True where an entry of `strategy` in `key` is inside the brake's scope."""
        if self.scope is BrakeScope.ACCOUNT:
            return True
        return self.name == (strategy if self.scope is BrakeScope.STRATEGY else key)


@dataclass(frozen=True, slots=True)
class BrakeSet:
    """All brakes that are on. Immutable: `with_` and `without` return new sets."""

    brakes: tuple[Brake, ...] = ()

    def blocking(self, *, strategy: str, key: str) -> Brake | None:
        """The strongest brake that holds this entry, or None."""
        if not self.brakes:
            return None
        held = [b for b in self.brakes if b.holds(strategy=strategy, key=key)]
        return max(held, key=lambda b: b.level, default=None)

    def account_level(self) -> BrakeLevel | None:
        """The strongest account-wide brake."""
        return max((b.level for b in self.brakes if b.scope is BrakeScope.ACCOUNT), default=None)

    def with_(self, brake: Brake) -> BrakeSet:
        """The set with `brake` on. A second pull of the same brake keeps the first one's time and reason."""
        same = self.find(level=brake.level, scope=brake.scope, name=brake.name)
        return self if same is not None else BrakeSet((*self.brakes, brake))

    def without(self, brake_ids: frozenset[str]) -> BrakeSet:
        """The set without these brakes."""
        return BrakeSet(tuple(b for b in self.brakes if b.brake_id not in brake_ids))

    def find(self, *, level: BrakeLevel, scope: BrakeScope, name: str) -> Brake | None:
        """The brake of exactly this level and scope, or None."""
        wanted = (level, scope, name)
        return next((b for b in self.brakes if (b.level, b.scope, b.name) == wanted), None)

    def of_scope(self, *, scope: BrakeScope, name: str) -> tuple[Brake, ...]:
        """Every brake of exactly this scope, mildest first."""
        held = (b for b in self.brakes if b.scope is scope and b.name == name)
        return tuple(sorted(held, key=lambda b: b.level))

    def proven(self, brake_id: str, *, proof: str, not_flat: bool) -> BrakeSet:
        """The set with a KILL's record filled in."""
        return BrakeSet(
            tuple(
                replace(b, proof=proof, not_flat=not_flat) if b.brake_id == brake_id else b
                for b in self.brakes
            )
        )

    def reopened(self, brake_id: str) -> BrakeSet:
        """The set with a KILL that is at work again: whatever it proved before no longer counts."""
        return self.proven(brake_id, proof="", not_flat=True)

    def waiting_for_open(self, brake_id: str, *, who: str) -> BrakeSet:
        """The set with a KILL that closes the rest at the open because `who` asked; empty: it does not."""
        return BrakeSet(tuple(replace(b, at_open=who) if b.brake_id == brake_id else b for b in self.brakes))


class LiftVerdict(StrEnum):
    """Whether brakes may be lifted."""

    YES = "yes"
    NOTHING = Reason.NOTHING_TO_DO.value
    NEEDS_REASON = Reason.NEEDS_REASON.value
    NEEDS_ACCOUNT = Reason.CONFIRMATION.value
    NOT_FLAT = Reason.NOT_FLAT.value
    UNKNOWN = Reason.UNKNOWN_ORDER.value
    PULLED_SINCE = Reason.PULLED_SINCE.value


def may_lift(
    held: tuple[Brake, ...],
    *,
    reason: str,
    typed_account: str,
    account: str,
    unknown_orders: int,
    pulled_since: bool = False,
) -> LiftVerdict:
    """Whether a person may lift these brakes now.

    HALT and KILL want the account id typed; nothing is lifted while a KILL is not flat, nor a HALT or
    KILL while the fate of an order is unknown, nor where one was `pulled_since` the person asked.
    """
    if not held:
        return LiftVerdict.NOTHING
    if not reason.strip():
        return LiftVerdict.NEEDS_REASON
    strong = any(b.level >= BrakeLevel.HALT for b in held)
    if any(b.not_flat for b in held):
        return LiftVerdict.NOT_FLAT
    if strong and pulled_since:
        return LiftVerdict.PULLED_SINCE
    if strong and unknown_orders:
        return LiftVerdict.UNKNOWN
    if strong and typed_account != account:
        return LiftVerdict.NEEDS_ACCOUNT
    return LiftVerdict.YES
