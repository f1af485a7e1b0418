"""What one refresh has to show: the engine's snapshot, the time, and how the screen itself is doing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cockpit import format as fmt
from cockpit.spans import Tone
from engine.api import BrakeKind, BrakeView, EngineState, Level, PositionView, Scope, ScopeKind, Snapshot
from engine.api_handle import THE_ONLY_SCREEN, SeatView
from engine.api_recovery import RecoveryKind, RecoveryRow

STALE_S = 5.0
"""A quote older than this is called stale on screen, as the engine's default does."""
SILENT_S = 3.0
"""An engine that published nothing for this long is called silent: its numbers may be old."""
BRAKE_WORDS = {BrakeKind.PAUSE: "PAUSED", BrakeKind.HALT: "HALTED", BrakeKind.KILL: "KILLED"}

Clock = Callable[[], datetime]
"""Wall time, aware UTC; injected so that pictures can be taken of a still moment."""


@dataclass(frozen=True, slots=True)
class ScreenState:
    """How the screen itself is doing."""

    refresh_ms: float = 0.0
    """Time the last refresh took, layout and painting not counted."""
    throttled: bool = False
    """True while the screen looks only once a second, because it was too slow."""
    seat: SeatView = THE_ONLY_SCREEN
    """Whether this screen acts, and who else looks."""
    replay: str = ""
    """How the replay stands, in a word or two; empty on a live engine."""
    engine_alive: bool = True
    """False once the engine ended or the link to it is gone."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Everything panels build their lines from."""

    snapshot: Snapshot
    now: datetime
    screen: ScreenState = ScreenState()

    @property
    def age_s(self) -> float:
        """Seconds since the engine published."""
        return max(0.0, (self.now - self.snapshot.as_of).total_seconds())

    @property
    def is_silent(self) -> bool:
        """True where the numbers may no longer be the truth."""
        return self.age_s > SILENT_S or not self.screen.engine_alive

    @property
    def has_trouble(self) -> bool:
        """True where the account, or what is known of it, is not as it should be: titles say so in words."""
        return self.is_silent or not self.snapshot.connected or bool(self.snapshot.brakes)

    @property
    def marks_age_s(self) -> float | None:
        """Age of the oldest mark among the positions: as old is every sum made from them.

        Without positions that of the snapshot; None where no position has a mark yet.
        """
        ages = [one.quote_age_s for one in self.snapshot.positions if one.quote_age_s is not None]
        if self.snapshot.positions and not ages:
            return None
        return self.age_s + max(ages, default=0.0)


def empty_words(snapshot: Snapshot, words: str) -> str:
    """What an empty table says: before the account was looked at nobody knows that it is empty."""
    unknown = snapshot.engine_state in {EngineState.BOOTING, EngineState.RECONCILING}
    return "not known yet: the account has not been compared" if unknown else words


def trouble_words(frame: Frame) -> list[str]:
    """Why what is shown may not be the truth, for titles of what lies over the header; empty while it is."""
    if not frame.screen.engine_alive:
        return ["ENGINE GONE"]
    silent = [f"ENGINE SILENT {fmt.age(frame.age_s)}"] if frame.is_silent else []
    return silent if frame.snapshot.connected else [*silent, "DISCONNECTED"]


def condition_words(frame: Frame) -> list[str]:
    """All that the header would say of safety, and the age, for screens that may lie over it."""
    brake = hardest_brake(frame.snapshot)
    words = [*trouble_words(frame), *([BRAKE_WORDS[brake.kind]] if brake is not None else [])]
    if frame.is_silent:
        return words
    data = frame.snapshot.data_age_s
    stale = data is not None and data > STALE_S
    return [*words, *([f"stale data {fmt.age(data)}"] if stale else []), fmt.freshness(frame.age_s)]


def account_brake(snapshot: Snapshot) -> BrakeView | None:
    """The hardest brake on the whole account."""
    on_account = [brake for brake in snapshot.brakes if brake.scope.kind is ScopeKind.ACCOUNT]
    return max(on_account, key=_hardness, default=None)


def hardest_brake(snapshot: Snapshot) -> BrakeView | None:
    """The brake to speak of first: those on the account before scoped ones, then the hardest."""
    return account_brake(snapshot) or max(snapshot.brakes, key=_hardness, default=None)


def told_brakes(snapshot: Snapshot) -> list[BrakeView]:
    """One brake per scope, the hardest: the kill key halts first, and a kill says all that a halt does."""
    hardest: dict[Scope, BrakeView] = {}
    for brake in sorted(snapshot.brakes, key=_hardness):
        hardest[brake.scope] = brake
    return list(hardest.values())


def _hardness(brake: BrakeView) -> int:
    return list(BrakeKind).index(brake.kind)


def blocking_rows(snapshot: Snapshot) -> list[RecoveryRow]:
    """Recovery rows that keep the whole account from entries until somebody decides."""
    return [row for row in snapshot.recovery.open_rows if row.kind is not RecoveryKind.UNKNOWN_ORDER]


def is_stale(position: PositionView) -> bool:
    """True where the position's mark cannot be trusted."""
    return position.quote_age_s is None or position.quote_age_s > STALE_S


def tone_of_amount(value: float | None) -> Tone:
    """Gain, loss, or neither."""
    if value is None or value == 0 or value != value:  # noqa: PLR0124 - NaN differs from itself
        return Tone.MUTED
    return Tone.GAIN if value > 0 else Tone.LOSS


def tone_of_level(level: Level) -> Tone:
    """How loud a row is."""
    return _LEVEL_TONES[level]


def mark_of_level(level: Level) -> str:
    """A sign beside the colour."""
    return _LEVEL_MARKS[level]


def tone_of_state(state: EngineState) -> Tone:
    """How loud the engine's state is."""
    if state is EngineState.READY:
        return Tone.STRONG
    return (
        Tone.ERROR if state in {EngineState.BLOCKED, EngineState.STOPPED, EngineState.ORPHANS} else Tone.WARN
    )


_LEVEL_TONES = {
    Level.OK: Tone.TEXT,
    Level.INFO: Tone.TEXT,
    Level.WARNING: Tone.WARN,
    Level.ERROR: Tone.ERROR,
    Level.CRITICAL: Tone.ALARM,
}
_LEVEL_MARKS = {Level.OK: "✓", Level.INFO: "·", Level.WARNING: "!", Level.ERROR: "✗", Level.CRITICAL: "‼"}
