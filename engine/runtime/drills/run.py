"""Runs one drill from a fresh place to the verdict; whatever happens, nothing of it is left running."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from engine.api import CommandKind
from engine.runtime.drills.catalogue import Drill
from engine.runtime.drills.criteria import Check, Course, Ending, blind_s, judge, longest_bare_s
from engine.runtime.drills.eyes import STEP_S, Eyes, in_position
from engine.runtime.drills.place import BAR_S, SPEED, SYMBOL, Place
from engine.runtime.process.errors import FailedError, StartError
from engine.runtime.process.gateway_process import running_gateway
from engine.runtime.process.remote import new_command

READY_S: Final = 60.0
"""Longest wait for the engine to start and to hold its position, before anything goes wrong."""
END_S: Final = 20.0
SEEN_S: Final = 1.5 * BAR_S / SPEED

Tell = Callable[[str], None]
"""Says how far a drill is, in a few words."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a drill showed."""

    name: str
    checks: tuple[Check, ...]
    detected_s: float | None
    recovered_s: float | None
    bare_s: float | None
    """Longest stretch without a stop that covers what is held; None where it was never seen."""
    blind_s: float
    """Longest time between two looks."""
    took_s: float
    why: str = ""
    """Why it did not come to its end; empty where it did."""
    account: str = ""
    """The account of the drill's own gateway."""
    speed: float = SPEED
    """How fast the exchange's clock ran."""

    @property
    def passed(self) -> bool:
        """True where every criterion was met."""
        return not self.why and all(check.passed for check in self.checks)

    @property
    def failures(self) -> tuple[str, ...]:
        """What was not met, a text each."""
        why = (self.why,) if self.why else ()
        return (*why, *(f"{check.name}: {check.text}" for check in self.checks if not check.passed))


def run_drill(drill: Drill, *, tell: Tell, place: Place | None = None) -> Result:
    """Run it; what goes wrong with the drill itself fails it and is told in `why`.

    Ends the place in any case, also where it is interrupted.
    """
    began_s = time.monotonic()
    here = place or Place.make(drill.settings)
    eyes = Eyes(here)
    course, why, account = Course((), 0.0, None, None, None), "", ""
    try:
        course = _course(drill, here, eyes, tell)
    except (StartError, OSError, TimeoutError) as err:
        why = str(err) or type(err).__name__
    finally:
        account = _account(here)
        tell("ends")
        here.end()
    return Result(
        drill.name,
        judge(course, drill.limits, entries=drill.entries),
        course.detected_s,
        course.recovered_s,
        longest_bare_s(course.sights, course.ours),
        blind_s(course.sights),
        time.monotonic() - began_s,
        why,
        account,
    )


def _course(drill: Drill, place: Place, eyes: Eyes, tell: Tell) -> Course:
    """What happened. Raises StartError or OSError where the drill could not be carried through."""
    tell("starts")
    place.start()
    if drill.is_armed:
        fault_s = _arm(drill, place, eyes, tell)
    else:
        _wait_for_position(place, eyes)
        tell("fault")
        fault_s = time.monotonic()
        drill.fault(place)
    limits = drill.limits
    detected = eyes.until(drill.detected, within_s=limits.detected_s)
    tell("noticed" if detected is not None else "not noticed")
    if drill.after is not None:
        drill.after(place)
    recovered = eyes.until(drill.recovered, within_s=limits.recovered_s)
    tell("recovered" if recovered is not None else "not recovered")
    seen = tuple(eyes.sights)
    return Course(
        tuple(s for s in seen if s.at_s >= fault_s),
        fault_s,
        None if detected is None else detected - fault_s,
        None if recovered is None else recovered - fault_s,
        _closed(place, eyes),
        frozenset({SYMBOL}),
    )


def _arm(drill: Drill, place: Place, eyes: Eyes, tell: Tell) -> float:
    """Make the fault before the entry; when it met the entry (monotonic)."""
    deadline_s = time.monotonic() + READY_S
    while running_gateway(place.state) is None or place.report() is None:
        place.check_alive()
        if time.monotonic() > deadline_s:
            raise FailedError(f"the paper gateway of the drill did not start: {place.last_words()}")
        time.sleep(STEP_S)
    drill.fault(place)
    tell("fault")
    filled_s = eyes.until(lambda sight: bool(sight.held), within_s=READY_S)
    if filled_s is None:
        raise FailedError(f"the drill's trader never entered: {place.why_not()}")
    return filled_s


def _wait_for_position(place: Place, eyes: Eyes) -> None:
    """Until it is held, and the trader has seen a bar with it: else it would want to enter again."""
    since_s = eyes.until(in_position, within_s=READY_S)
    if since_s is not None:
        seen_s = since_s + SEEN_S
        since_s = eyes.until(lambda s: s.at_s >= seen_s and in_position(s), within_s=READY_S)
    if since_s is None:
        place.check_alive()
        raise FailedError(f"the drill's trader never held a covered position: {place.why_not()}")


def _closed(place: Place, eyes: Eyes) -> Ending | None:
    """Close everything as a person would, and see what is left; None where the exchange cannot be asked."""
    place.command(new_command(CommandKind.PAUSE, reason="the drill is over", confirmed=True))
    place.command(new_command(CommandKind.FLATTEN, reason="the drill is over", confirmed=True))
    eyes.until(lambda s: s.held == {} and not s.covered and not s.shown, within_s=END_S)
    return _ending(place, eyes)


def _ending(place: Place, eyes: Eyes) -> Ending | None:
    report, shown = place.report(), eyes.look().shown
    if report is None:
        return None
    orders = [*report["orders"], *report["done"]]
    return Ending(
        held=dict(report["positions"]),
        working=tuple(order["ref"] or str(order["perm_id"]) for order in report["orders"]),
        sent=tuple(order["ref"] for order in orders if order["ref"]),
        executed=tuple(exec_id for exec_id, ref, *_ in report["executions"] if ref),
        elsewhere=tuple(exec_id for exec_id, ref, *_ in report["executions"] if not ref),
        booked=place.booked(),
        shown=shown,
    )


def _account(place: Place) -> str:
    endpoint = running_gateway(place.state)
    return "" if endpoint is None else endpoint.account
