"""The drills there are: what goes wrong, what shows that it was noticed, and how long each step may take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from engine.api import CommandKind
from engine.runtime.drills.criteria import Limits, Sight
from engine.runtime.drills.eyes import in_position, trades
from engine.runtime.drills.place import SYMBOL, Place
from engine.runtime.process.remote import new_command

Act = Callable[[Place], object]
Seen = Callable[[Sight], bool]

STRANGERS: Final = "AMD"
"""What somebody else trades in the account; the drill's own trader never does."""


@dataclass(frozen=True, slots=True)
class Drill:
    """One thing that goes wrong, as data."""

    name: str
    what: str
    """What is done to the engine, for people."""
    expects: str
    """What it has to do, for people."""
    fault: Act
    detected: Seen
    limits: Limits
    after: Act | None = None
    """Done once it was noticed: the fault's end, where it does not end by itself."""
    recovered: Seen = in_position
    is_armed: bool = False
    """True where the fault waits for the entry, and is made before it; its time is that of the first fill."""
    entries: int = 1
    """How many entries may be sent."""
    settings: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Sections and keys that are set otherwise than for all drills."""


def _ask(**fault: object) -> Act:
    return lambda place: place.ask(**fault)


def _is_away(sight: Sight) -> bool:
    return sight.answers and not sight.connected


def _is_blocked(sight: Sight) -> bool:
    return sight.answers and not sight.entries_allowed


def _is_flat(sight: Sight) -> bool:
    return trades(sight) and not sight.held and not sight.covered


def _refuse_the_close(place: Place) -> None:
    place.ask(do="reject_next", ref="-flatten", code=201)
    place.command(new_command(CommandKind.FLATTEN, reason="a drill: this order is refused", confirmed=True))


def _close_elsewhere(place: Place) -> None:
    report = place.ask(do="report")
    place.ask(
        do="external_order", symbol=SYMBOL, action="SELL", quantity=int(report["positions"].get(SYMBOL, 0))
    )


def _restart_at_night(place: Place) -> None:
    place.ask(do="error", code=1100)
    place.kill_gateway()


_ALL: Final = (
    Drill(
        "link-loss",
        "the line to the broker is cut for a second while a position is held",
        "connects again by itself, asks for everything anew, enters nothing twice",
        _ask(do="drop", seconds=1.0),
        _is_away,
        Limits(detected_s=1.0, recovered_s=20.0),
    ),
    Drill(
        "frozen-peer",
        "the broker says nothing for 8 seconds, and the line stays open",
        "does not wait for the line to break: counts silence as loss, and connects again",
        _ask(do="freeze", seconds=8.0),
        _is_away,
        Limits(detected_s=8.0, recovered_s=30.0),
    ),
    Drill(
        "stale-data",
        "no price comes for 6 seconds, and the line is well",
        "sees that its prices are old, and enters nothing until they move again",
        _ask(do="mute", seconds=6.0),
        _is_blocked,
        Limits(detected_s=4.0, recovered_s=30.0),
        settings={"market_data": {"max_quote_age_seconds": 10.0}},
    ),
    Drill(
        "reject",
        "the broker refuses the order that closes the position, after its stop was taken out of the way",
        "says that it is not flat, and puts a stop back at once",
        _refuse_the_close,
        lambda sight: "rejected" in sight.statuses,
        Limits(detected_s=2.0, recovered_s=5.0),
    ),
    Drill(
        "partial-fill",
        "an entry is filled in four parts",
        "books each part once, and covers what it holds all the time",
        _ask(do="split_next", ref="-entry", parts=4),
        lambda sight: bool(sight.shown),
        Limits(detected_s=2.0, recovered_s=10.0),
        recovered=lambda sight: in_position(sight) and "filled" in sight.statuses,
        is_armed=True,
    ),
    Drill(
        "orphan",
        "somebody else buys in the account, and sells again",
        "names the holding it knows nothing of, enters nothing meanwhile, touches nothing of it",
        _ask(do="external_order", symbol=STRANGERS, action="BUY", quantity=5),
        lambda sight: "orphan" in sight.alerts and _is_blocked(sight),
        Limits(detected_s=5.0, recovered_s=15.0),
        after=_ask(do="external_order", symbol=STRANGERS, action="SELL", quantity=5),
    ),
    Drill(
        "external-close",
        "somebody else closes the position of the drill",
        "knows that it is flat, and cancels the stop that would open a short position",
        _close_elsewhere,
        lambda sight: sight.answers and not sight.shown,
        Limits(detected_s=5.0, recovered_s=10.0),
        recovered=_is_flat,
    ),
    Drill(
        "kill-9",
        "the cockpit's process is killed while a position is held, and started again",
        "finds position and stop as they were; neither enters nor covers twice",
        Place.kill,
        lambda sight: not sight.answers,
        Limits(detected_s=2.0, recovered_s=60.0),
        after=Place.start,
    ),
    Drill(
        "nightly-restart",
        "the broker says that its own line is lost, ends, and comes back with its memory",
        "waits, connects again, and compares everything before it enters anything",
        _restart_at_night,
        _is_away,
        Limits(detected_s=2.0, recovered_s=45.0),
    ),
)

DRILLS: Final[Mapping[str, Drill]] = {drill.name: drill for drill in _ALL}
"""By name, in the order in which `all` runs them."""
