"""Plays a past session for a screen: an engine handle whose time can be moved; it refuses every command."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from engine.api import Command, CommandKind, Outcome, OutcomeStatus, Snapshot
from engine.api_handle import Departure, SeatView
from engine.api_market import BAR_LENGTHS_S, MarketView
from engine.api_replay import SPEEDS
from engine.domain.reasons import Reason
from engine.runtime.replay.market import past_market
from engine.runtime.replay.pictures import picture
from engine.runtime.replay.timeline import Timeline

_NO_SEAT: Final = SeatView(acting=False, read_only=True)


class Player:
    """A ReplayHandle. It moves on only when it is looked at, so a screen that is not drawn costs nothing."""

    def __init__(
        self,
        timeline: Timeline,
        *,
        speed: float = 1.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begins at the start of the session, playing. `speed` is taken to the nearest of `SPEEDS`."""
        self._timeline = timeline
        self._monotonic = monotonic
        self._speed = min(range(len(SPEEDS)), key=lambda i: abs(SPEEDS[i] - speed))
        self._playing = True
        self._looked_s = monotonic()
        self._seq = 0
        self._shown: Snapshot | None = None
        self._shown_at = float("nan")
        self._look: tuple[str, int] | None = None
        """Which market is looked at, in bars of how many seconds."""

    @property
    def is_alive(self) -> bool:
        """The past does not end."""
        return True

    def snapshot(self) -> Snapshot:
        """The moment that the session has come to; as fresh as the look."""
        self._move_on()
        if self._shown is None or self._shown_at != self._timeline.at:
            self._seq += 1
            self._shown_at = self._timeline.at
            shown = picture(self._timeline, seq=self._seq, as_of=datetime.now(UTC))
            self._shown = replace(shown, markets=self._market())
        # Paused is not silent: the moment that is shown is what there is to know now.
        return replace(self._shown, as_of=datetime.now(UTC))

    def submit(self, command: Command) -> Future[Outcome]:
        """Refuse it, but for a look at another market."""
        future: Future[Outcome] = Future()
        if command.kind is CommandKind.WATCH:
            bar_s = int(command.value or 0)
            bar_s = bar_s if bar_s in BAR_LENGTHS_S else BAR_LENGTHS_S[0]
            self._look = (command.target, bar_s) if command.target else None
            self._shown = None
            future.set_result(Outcome(command.command_id, OutcomeStatus.DONE, "", "looked at"))
            return future
        text = f"{command.kind.value}: this is a replay of the past; nothing can act"
        future.set_result(Outcome(command.command_id, OutcomeStatus.REFUSED, Reason.NOT_ACTING_CLIENT, text))
        return future

    def _market(self) -> tuple[MarketView, ...]:
        return () if self._look is None else (past_market(self._timeline, *self._look),)

    def subscribe(self, on_urgent: Callable[[], None]) -> Callable[[], None]:
        """Nothing is urgent in the past."""
        return lambda: None

    def seat(self) -> SeatView:
        """Nobody acts."""
        return _NO_SEAT

    def departure(self) -> Departure | None:
        """Nobody left."""
        return None

    # The clock

    @property
    def standing(self) -> str:
        """`▶ ×10`, `‖ ×10` or `■ end`."""
        if self._timeline.at >= self._timeline.end:
            return "■ end"
        return f"{'▶' if self._playing else '‖'} ×{SPEEDS[self._speed]:g}"

    def toggle(self) -> None:
        """Play or pause."""
        self._move_on()
        self._playing = not self._playing

    def faster(self, steps: int) -> None:
        """Change the speed."""
        self._move_on()
        self._speed = min(max(self._speed + steps, 0), len(SPEEDS) - 1)

    def step(self, lines: int) -> None:
        """Pause, and go to what happened next, or before."""
        self._pause()
        self._timeline.step(lines)

    def next_alert(self) -> bool:
        """Pause at the next alert."""
        self._pause()
        return self._timeline.next_of("alert")

    def next_trade(self) -> bool:
        """Pause at the next execution."""
        self._pause()
        return self._timeline.next_of("fill")

    def _pause(self) -> None:
        self._move_on()
        self._playing = False

    def _move_on(self) -> None:
        now_s = self._monotonic()
        passed_s, self._looked_s = now_s - self._looked_s, now_s
        if self._playing and passed_s > 0:
            self._timeline.move_to(self._timeline.at + passed_s * SPEEDS[self._speed])
