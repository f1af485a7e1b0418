"""The faults of one seed: which kinds there are, how often, and when the great ones come.

Each kind is drawn in or out, so that some seeds are almost calm and others have everything at once: a bug
that needs one fault alone must not be drowned by the others.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import NamedTuple


class Blow(StrEnum):
    """What happens at a moment, rather than with a probability."""

    DROP = "drop"
    """The session ends; bytes under way arrive in part."""
    FREEZE = "freeze"
    """Half-open: nothing arrives, nobody says so."""
    UPLINK = "uplink"
    """1100, then 1101 or 1102."""
    BLIP = "blip"
    """1102 (or 1101) without a 1100 before it."""
    CRASH = "crash"
    CRASH_AT_COMMIT = "crash_at_commit"
    CRASH_AT_SEND = "crash_at_send"
    DISK = "disk"
    """The store takes no write for a while."""
    GATEWAY = "gateway"
    """The gateway restarts: sessions end, order ids roll back."""
    STRATEGY = "strategy"
    """One strategy raises."""
    EXTERNAL_TRADE = "external_trade"
    EXTERNAL_ORDER = "external_order"
    EXTERNAL_CANCEL = "external_cancel"
    """Somebody cancels a stop of ours."""
    CORRECTION = "correction"
    OPERATOR = "operator"
    HANG = "hang"
    """The process stands still: it goes on later, or a person ends it from a shell."""
    KILL_FILE = "kill_file"
    """Somebody leaves the file that kills."""


class Moment(NamedTuple):
    """A blow and when it falls, in virtual seconds since the start."""

    at_s: float
    blow: Blow
    number: int
    """Draws its details."""


@dataclass(frozen=True, slots=True)
class Weather:
    """Probabilities per event of one seed."""

    reject: float = 0.0
    inactive: float = 0.0
    """An order is held back as Inactive without an error, and may come to life."""
    zombie: float = 0.0
    """An order reaches the market up to 20 s late, whatever became of the session."""
    lost_send: float = 0.0
    """Bytes under way when the session ends do not arrive."""
    partial: float = 0.0
    thin: float = 0.0
    """The market has nothing for an order this time."""
    slow: float = 0.0
    """An event is late by 0.5-8 s, and all behind it."""
    duplicate: float = 0.0
    reorder: float = 0.0
    """Status before its execution."""
    no_status: float = 0.0
    nameless: float = 0.0
    """A status that names no reference, only a permId."""
    snapshot_fails: float = 0.0
    snapshot_torn: float = 0.0
    """The lists of one answer are seconds apart."""
    connect_fails: float = 0.0
    cancel_refused: float = 0.0
    cancel_not_found: float = 0.0
    cancel_mute: float = 0.0
    fill_after_cancel: float = 0.0
    long_after: float = 0.0
    """Such a fill comes when a KILL has long proven flat."""
    cancel_undone: float = 0.0
    """An entry works again after the broker called it cancelled."""
    false_cancel: float = 0.0
    """The library calls a working order cancelled."""
    modify_refused: float = 0.0
    late_commission: float = 0.0
    no_commission: float = 0.0
    queued: float = 0.0
    """A send waits in our own queue first; where the line ends meanwhile it was never sent."""
    slow_disk: float = 0.0
    """A commit takes up to half a second, and all behind it wait."""
    external_unseen: float = 0.5
    """Executions of others are not told."""
    blows: tuple[Moment, ...] = ()
    horizon_s: float = 90.0
    """How long the storm lasts."""

    @property
    def refuses(self) -> bool:
        """Orders, changes or cancels may be refused or held back: what the engine wants may not be had."""
        return any((self.reject, self.inactive, self.modify_refused, self.cancel_refused, self.cancel_mute))

    def after_cancel_s(self, rng: random.Random) -> float:
        """How late a fill comes whose order was called cancelled."""
        if self.long_after and rng.random() < self.long_after:
            return rng.uniform(12.0, 25.0)
        return rng.uniform(0.05, 3.0)

    def drawn(self) -> str:
        """What is in, for people."""
        rates = [f"{f.name}={getattr(self, f.name):.2f}" for f in fields(self) if _is_rate(self, f.name)]
        blows = [f"{m.at_s:.1f}s {m.blow.value}#{m.number}" for m in self.blows]
        return f"{' '.join(rates)} | {', '.join(blows)} | {self.horizon_s:.0f} s"


def _is_rate(weather: Weather, name: str) -> bool:
    return isinstance(getattr(weather, name), float) and name != "horizon_s" and getattr(weather, name) > 0


_COMMON = (
    (Blow.DROP, 3),
    (Blow.FREEZE, 2),
    (Blow.UPLINK, 2),
    (Blow.BLIP, 1),
    (Blow.CRASH, 4),
    (Blow.CRASH_AT_COMMIT, 5),
    (Blow.CRASH_AT_SEND, 4),
    (Blow.DISK, 1),
    (Blow.GATEWAY, 1),
    (Blow.STRATEGY, 1),
    (Blow.EXTERNAL_TRADE, 1),
    (Blow.EXTERNAL_ORDER, 1),
    (Blow.EXTERNAL_CANCEL, 1),
    (Blow.CORRECTION, 1),
    (Blow.OPERATOR, 4),
)

_MOST = {
    "reject": 0.25,
    "inactive": 0.15,
    "zombie": 0.5,
    "lost_send": 0.8,
    "partial": 0.7,
    "thin": 0.9,
    "slow": 0.1,
    "duplicate": 0.4,
    "reorder": 0.7,
    "no_status": 0.5,
    "nameless": 0.3,
    "snapshot_fails": 0.5,
    "snapshot_torn": 0.7,
    "connect_fails": 0.5,
    "cancel_refused": 0.3,
    "cancel_not_found": 0.2,
    "cancel_mute": 0.3,
    "fill_after_cancel": 0.4,
    "cancel_undone": 0.3,
    "false_cancel": 0.3,
    "modify_refused": 0.3,
    "late_commission": 0.6,
    "no_commission": 0.3,
    "queued": 0.4,
}


class _Climate(NamedTuple):
    """Faults that a bug needs together: drawn one by one they would hardly ever meet."""

    share: float
    rates: dict[str, tuple[float, float]]
    """Name -> least and most."""
    blows: tuple[Blow, ...]


_CLIMATES = (
    _Climate(0.4, {}, ()),
    # Entries that wait long, cancels that are not the end, and a person who acts meanwhile.
    _Climate(
        0.2,
        {"thin": (0.5, 0.9), "fill_after_cancel": (0.2, 0.7), "cancel_undone": (0.1, 0.5)},
        (Blow.OPERATOR, Blow.OPERATOR),
    ),
    # Words that say less than they seem to.
    _Climate(
        0.15,
        {"thin": (0.3, 0.8), "false_cancel": (0.2, 0.5), "cancel_refused": (0.2, 0.5), "partial": (0.2, 0.7)},
        (Blow.OPERATOR,),
    ),
    # Orders nobody hears of for a while.
    _Climate(
        0.15,
        {"zombie": (0.3, 0.7), "lost_send": (0.4, 0.9), "no_status": (0.3, 0.8), "snapshot_torn": (0.1, 0.7)},
        (Blow.DROP, Blow.CRASH_AT_SEND),
    ),
    # A broker that does what it is asked: trouble that lasts is the engine's own.
    _Climate(0.1, {}, (Blow.EXTERNAL_CANCEL, Blow.UPLINK, Blow.CRASH)),
)
_SHARES = [climate.share for climate in _CLIMATES]


def draw(seed: int) -> Weather:
    """The weather of a seed."""
    rng = random.Random(f"weather {seed}")
    density = rng.uniform(0.1, 0.6)
    rates = {
        name: round(most * rng.random() ** 2, 3) for name, most in _MOST.items() if rng.random() < density
    }
    climate = rng.choices(_CLIMATES, _SHARES)[0]
    rates |= {name: round(rng.uniform(low, high), 3) for name, (low, high) in climate.rates.items()}
    horizon_s = rng.uniform(50.0, 100.0)
    kinds, weights = zip(*_COMMON, strict=True)
    allowed = [k for k in kinds if rng.random() < 0.7] or [Blow.CRASH]
    chosen = rng.choices(allowed, [weights[kinds.index(k)] for k in allowed], k=rng.randint(1, 7))
    chosen += climate.blows
    # Drawn apart, so that the rest of a seed stays as it was before there were any.
    more = random.Random(f"hang {seed}")
    chosen += [Blow.HANG] * (more.random() < 0.2)
    chosen += [Blow.OPERATOR] * (3 * (more.random() < 0.2))
    chosen += [Blow.KILL_FILE] * (more.random() < 0.1)
    braking = _braking_weather(more, rates, horizon_s)
    blows = sorted(
        [Moment(round(rng.uniform(2.0, horizon_s), 3), blow, rng.randrange(1_000_000)) for blow in chosen]
        + braking
    )
    return Weather(**rates, blows=tuple(blows), horizon_s=round(horizon_s, 1))


def _braking_weather(rng: random.Random, rates: dict[str, float], horizon_s: float) -> list[Moment]:
    """What brakes are tried by: a slow disk, a broker that says no, fills after the proof; and who brakes."""
    moments = []
    if rng.random() < 0.25:
        rates["slow_disk"] = round(rng.uniform(0.2, 0.8), 3)
        # Right behind a bar: what it made a strategy want is being stored.
        bars = [rng.randrange(1, int(horizon_s / 5.0)) * 5.0 for _ in range(3)]
        moments += [(at_s + rng.uniform(0.01, 0.6), Blow.OPERATOR) for at_s in bars]
    if rng.random() < 0.15:
        least, most = rng.choice(((0.3, 0.8), (0.85, 0.99)))
        rates |= {"thin": rng.uniform(0.6, 0.95), "cancel_refused": rng.uniform(least, most)}
        moments += [(rng.uniform(2.0, horizon_s), Blow.OPERATOR) for _ in range(2)]
    if rng.random() < 0.15:
        rates |= {"thin": rng.uniform(0.6, 0.95), "fill_after_cancel": rng.uniform(0.5, 0.9)}
        rates["long_after"] = rng.uniform(0.5, 0.9)
        # While the first entries still work, and once more.
        early_s = rng.choice((5.0, 10.0)) + rng.uniform(0.3, 2.0)
        moments += [(at_s, Blow.KILL_FILE) for at_s in (early_s, rng.uniform(20.0, horizon_s))]
    return [Moment(round(at_s, 3), blow, rng.randrange(1_000_000)) for at_s, blow in moments]


CALM = Weather()
"""No fault at all: for the golden run, and to learn what the engine does when left alone."""
