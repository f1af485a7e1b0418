"""Planted bugs of the breakers. `breaker_flow` hunts them: it asks nothing but the breakers."""

from __future__ import annotations

from typing import Any

from engine.risk.breakers import ErrorRate, LoopLadder, PositionErrors, Rung
from engine.runtime.breakers import faults
from tests.storm.put import Put


def any_success_clears_the_ladder(put: Put) -> None:
    """A loop that works hides another one that does not."""
    put.over(LoopLadder, "succeeded", lambda ladder, _: ladder._replace(counts={}))


def a_pause_clears_the_ladder(put: Put) -> None:
    """After the pause the count begins at 0, so that nothing is ever fatal."""

    def failed(ladder: LoopLadder, loop: str, now_s: float, limits: Any) -> Any:
        if 0.0 < ladder.open_until_s <= now_s:
            ladder = LoopLadder()
        return before(ladder, loop, now_s, limits)

    before = put.over(LoopLadder, "failed", failed)


def errors_of_the_pause_climb(put: Put) -> None:
    """The eleventh error ends the session although nobody waited for the pause to heal anything."""

    def failed(ladder: LoopLadder, loop: str, now_s: float, limits: Any) -> Any:
        return before(ladder._replace(open_until_s=float("-inf")), loop, now_s, limits)

    before = put.over(LoopLadder, "failed", failed)


def nothing_is_fatal(put: Put) -> None:
    """The ladder has no last rung."""

    def failed(ladder: LoopLadder, loop: str, now_s: float, limits: Any) -> Any:
        after, rung = before(ladder, loop, now_s, limits)
        return after, Rung.COUNTED if rung is Rung.FATAL else rung

    before = put.over(LoopLadder, "failed", failed)


def the_ninth_pauses(put: Put) -> None:
    """One error too early."""

    def failed(ladder: LoopLadder, loop: str, now_s: float, limits: Any) -> Any:
        return before(ladder, loop, now_s, limits._replace(loop_consecutive=limits.loop_consecutive - 1))

    before = put.over(LoopLadder, "failed", failed)


def the_minute_does_not_roll(put: Put) -> None:
    """Errors of hours ago still count."""

    def failed(rate: ErrorRate, now_s: float, limits: Any) -> Any:
        return before(rate._replace(times_s=tuple(now_s for _ in rate.times_s)), now_s, limits)

    before = put.over(ErrorRate, "failed", failed)


def the_rate_never_trips(put: Put) -> None:
    """Errors are counted and nothing follows."""
    put.over(ErrorRate, "failed", lambda rate, *_: (rate, False))


def the_rate_goes_on_counting(put: Put) -> None:
    """After a pause the first error pauses again."""

    def failed(rate: ErrorRate, now_s: float, limits: Any) -> Any:
        after, tripped = before(rate, now_s, limits)
        return (
            (after._replace(times_s=(*rate.times_s, after.open_until_s)), True) if tripped else (after, False)
        )

    before = put.over(ErrorRate, "failed", failed)


def closed_at_every_error(put: Put) -> None:
    """From the third error on each one closes anew."""

    def failed(errors: PositionErrors, key: str, limits: Any) -> Any:
        after, _ = before(errors, key, limits)
        return after, after.counts[key] >= limits.position_max

    before = put.over(PositionErrors, "failed", failed)


def positions_share_their_count(put: Put) -> None:
    """Errors at one position close another."""

    def failed(errors: PositionErrors, key: str, limits: Any) -> Any:
        after, _ = before(errors, key, limits)
        return after, sum(after.counts.values()) == limits.position_max

    before = put.over(PositionErrors, "failed", failed)


def a_full_disk_counts(put: Put) -> None:
    """What disk and line do is taken for bugs, and ends the session."""

    def severity(err: Exception) -> Any:
        return before(err)._replace(is_counted=True)

    before = put.over(faults, "severity_of", severity)


BREAKERS = (
    any_success_clears_the_ladder,
    a_pause_clears_the_ladder,
    errors_of_the_pause_climb,
    nothing_is_fatal,
    the_ninth_pauses,
    the_minute_does_not_roll,
    the_rate_never_trips,
    the_rate_goes_on_counting,
    closed_at_every_error,
    positions_share_their_count,
    a_full_disk_counts,
)
