"""Passes or fails a drill by what was seen and what was left at its end. Pure: nothing here looks itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple


class Sight(NamedTuple):
    """One look at the engine and at the exchange, in the same instant."""

    at_s: float
    """Monotonic."""
    answers: bool
    """Whether the engine's process could be asked."""
    connected: bool
    """What the engine says of its line."""
    entries_allowed: bool
    state: str
    """`EngineState`; empty where it does not answer."""
    shown: Mapping[str, int]
    """Symbol -> quantity as the engine shows it; empty where it does not answer."""
    held: Mapping[str, int] | None
    """Symbol -> quantity at the exchange; None where the exchange could not be asked."""
    covered: Mapping[str, int]
    """Symbol -> units that stops working at the exchange would close."""
    alerts: frozenset[str] = frozenset()
    """Codes of the alerts that stand."""
    statuses: frozenset[str] = frozenset()
    """Statuses of the orders that the engine shows."""


class Limits(NamedTuple):
    """How long a drill gives the engine, in seconds of real time."""

    detected_s: float
    """From the fault until the engine shows it."""
    recovered_s: float
    """From the fault until it trades again with everything covered and agreed."""
    bare_s: float = 2.0
    """Longest stretch with units at the exchange that no stop there covers."""

    @property
    def text(self) -> str:
        """How long it gives the engine, in words."""
        return (
            f"noticed within {self.detected_s:g} s, well again within {self.recovered_s:g} s, "
            f"never without a stop for longer than {self.bare_s:g} s"
        )


class Ending(NamedTuple):
    """What was true when the drill was over and everything had been closed."""

    held: Mapping[str, int]
    """Symbol -> quantity at the exchange."""
    working: Sequence[str]
    """Refs of the orders that still work at the exchange."""
    sent: Sequence[str]
    """Ref of every order of ours that the exchange ever had, each time it had it."""
    executed: Sequence[str]
    """Id of every execution of an order of ours."""
    elsewhere: Sequence[str]
    """Id of every execution of somebody else's order."""
    booked: Sequence[str]
    """Id of every execution in the engine's books."""
    shown: Mapping[str, int]
    """Symbol -> quantity in the engine's books."""


@dataclass(frozen=True, slots=True)
class Course:
    """One drill as it went."""

    sights: tuple[Sight, ...]
    fault_s: float
    """When the fault was made (monotonic)."""
    detected_s: float | None
    """Seconds from the fault until the engine showed it; None where it never did."""
    recovered_s: float | None
    """Seconds from the fault until all was well again; None where that was not seen."""
    ending: Ending | None
    """None where the drill did not come to its end."""
    ours: frozenset[str] = frozenset()
    """Symbols that the drill's trader trades: what others hold is covered by whoever bought it."""


class Check(NamedTuple):
    """One criterion and how it was met."""

    name: str
    passed: bool
    text: str


def judge(course: Course, limits: Limits, *, entries: int = 1) -> tuple[Check, ...]:
    """Every criterion. `entries` is how often the drill's trader wants to enter."""
    return (
        _in_time("detected", course.detected_s, limits.detected_s),
        _in_time("recovered", course.recovered_s, limits.recovered_s),
        _protected(course, limits.bare_s),
        _not_doubled(course.ending, entries),
        _flat(course.ending),
        _reconciled(course.ending),
    )


def _in_time(name: str, took_s: float | None, limit_s: float) -> Check:
    if took_s is None:
        return Check(name, False, f"not within {limit_s:g} s")
    return Check(name, took_s <= limit_s, f"{took_s:.2f} s of {limit_s:g} s")


def _protected(course: Course, limit_s: float) -> Check:
    bare_s = longest_bare_s(course.sights, course.ours)
    if bare_s is None:
        return Check("protected", False, "not known: the exchange was never seen")
    return Check(
        "protected", bare_s <= limit_s, f"without a stop for at most {bare_s:.2f} s of {limit_s:g} s"
    )


def longest_bare_s(sights: Sequence[Sight], ours: frozenset[str]) -> float | None:
    """Longest stretch, in seconds, with some unit of `ours` at the exchange that no stop there covers.

    Where the exchange could not be asked nothing is known: the stretch before goes on until it can. None
    where it could never be asked.
    """
    if all(sight.held is None for sight in sights):
        return None
    longest_s, since_s = 0.0, None
    for sight in sights:
        if sight.held is None:
            continue
        if any(abs(sight.held.get(symbol, 0)) > sight.covered.get(symbol, 0) for symbol in ours):
            since_s = sight.at_s if since_s is None else since_s
            longest_s = max(longest_s, sight.at_s - since_s)
        elif since_s is not None:
            longest_s, since_s = max(longest_s, sight.at_s - since_s), None
    return longest_s


def _not_doubled(ending: Ending | None, entries: int) -> Check:
    if ending is None:
        return _unknown("never doubled")
    wrong = [f"{ref} was sent {times} times" for ref, times in _repeated(ending.sent)]
    wrong += [f"execution {exec_id} is booked {times} times" for exec_id, times in _repeated(ending.booked)]
    entered = sum(1 for ref in set(ending.sent) if ref.endswith("-entry"))
    if entered > entries:
        wrong.append(f"{entered} entries instead of {entries}")
    return _all_right("never doubled", wrong, f"{len(ending.sent)} orders, each once")


def _repeated(names: Iterable[str]) -> list[tuple[str, int]]:
    return [(name, times) for name, times in Counter(names).items() if times > 1]


def _flat(ending: Ending | None) -> Check:
    if ending is None:
        return _unknown("ends flat")
    wrong = [f"{quantity} {symbol} held" for symbol, quantity in ending.held.items() if quantity]
    wrong += [f"{ref} still works" for ref in ending.working]
    return _all_right("ends flat", wrong, "nothing held, nothing works")


def _reconciled(ending: Ending | None) -> Check:
    if ending is None:
        return _unknown("reconciled")
    executed, booked = set(ending.executed), set(ending.booked)
    wrong = [f"execution {exec_id} is not booked" for exec_id in sorted(executed - booked)]
    invented = booked - executed - set(ending.elsewhere)
    wrong += [f"execution {exec_id} is booked and never happened" for exec_id in sorted(invented)]
    held = {symbol: quantity for symbol, quantity in ending.held.items() if quantity}
    shown = {symbol: quantity for symbol, quantity in ending.shown.items() if quantity}
    if held != shown:
        wrong.append(f"the exchange holds {held or 'nothing'}, the books say {shown or 'nothing'}")
    return _all_right("reconciled", wrong, f"{len(booked)} executions, each booked")


def _all_right(name: str, wrong: Sequence[str], text: str) -> Check:
    return Check(name, not wrong, "; ".join(wrong) or text)


def _unknown(name: str) -> Check:
    """What was not seen proves nothing."""
    return Check(name, False, "not known: the drill did not come to its end")


def blind_s(sights: Sequence[Sight]) -> float:
    """Longest time between two looks, in seconds: what is shorter may have been missed."""
    return max((after.at_s - before.at_s for before, after in pairwise(sights)), default=0.0)
