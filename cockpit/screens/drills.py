"""The drills: what each does and expects, how it went last, how far the present run is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import ClassVar

from textual.binding import BindingType

from cockpit import format as fmt
from cockpit.action import Where
from cockpit.drill_run import FAILED, PASSED, WAITS, DrillRun
from cockpit.format import clean
from cockpit.frame import Frame
from cockpit.keymap import bindings_for, key_for
from cockpit.previews import labelled
from cockpit.screens.table_dialog import TableDialog
from cockpit.spans import Line, Span, Tone, line
from cockpit.widgets.columns import Column, Row
from engine.api import Snapshot
from engine.api_gates import DrillView

COLUMNS = (
    Column("drill", width=15, most=18),
    Column("now", width=13, most=16),
    Column("last", width=8, most=10),
    Column("ago", right=True, width=8, most=10),
    Column("times, or what was not met", rank=1, width=24, most=80, flex=True),
)
MOST_ROWS = 9
PRACTICE = "Practice, on a gateway of its own: turns no gate of --live green."
_LAST = {
    "passed": ("✓ passed", Tone.TEXT),
    "failed": ("✗ failed", Tone.ERROR),
    "never": ("· never", Tone.MUTED),
}
_NOW = {PASSED: ("✓ passed", Tone.STRONG), FAILED: ("✗ FAILED", Tone.ERROR), WAITS: ("waits", Tone.MUTED)}


class DrillsDialog(TableDialog):
    """Enter runs the one under the cursor, another key all of them, a third stops the run."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for(Where.DRILLS))

    def __init__(
        self,
        *,
        keys: Mapping[str, str],
        run: Callable[[], DrillRun | None],
        start: Callable[[Sequence[str]], None],
        stop: Callable[[], None],
    ) -> None:
        hints = (
            f"{key_for('details', overrides=keys)} runs it",
            f"{key_for('drill_all', overrides=keys)} all",
            f"{key_for('drill_stop', overrides=keys)} stops",
        )
        super().__init__(
            "Drills",
            keys=keys,
            columns=COLUMNS,
            empty="the engine has not read them yet; a moment",
            most_rows=MOST_ROWS,
            broad=True,
            hints=hints,
        )
        self._run = run
        self._start = start
        self._stop = stop
        self._now: datetime | None = None

    def show(self, frame: Frame) -> None:
        """Follow the engine's record and the run."""
        self._now = frame.now
        super().show(frame)

    def rows_of(self, snapshot: Snapshot) -> list[Row]:
        """One row per drill, in the order in which all of them run."""
        run = self._run()
        now = self._now or snapshot.as_of
        return [
            _row(one, "" if run is None else run.standing(one.name), now) for one in snapshot.gates.drills
        ]

    def words_of(self, snapshot: Snapshot, *, chosen: str | None) -> Sequence[Line]:
        """How the run goes; what the chosen drill does, expects and allows, and what came of it."""
        run = self._run()
        lines: list[Line] = [line(Span(PRACTICE, Tone.MUTED))]
        if run is not None:
            text = run.text(now=self._now or snapshot.as_of)
            lines += labelled("this run", text, tone=Tone.WARN if run.runs else Tone.STRONG)
        one = next((one for one in snapshot.gates.drills if one.name == chosen), None)
        if one is not None:
            for label, said in (("does", one.what), ("expects", one.expects), ("allows", one.limits)):
                lines += labelled(label, said) if said else []
            lines += labelled(
                "last", f"{one.verdict}: {one.text}" if one.at is not None else "never run here"
            )
        if run is not None and run.told:
            lines += [line(), *(line(Span(clean(told), Tone.MUTED)) for told in run.told[-4:])]
        return lines

    def chose(self, key: str) -> None:
        """Ask about the one under the cursor."""
        self._start((key,))

    def action_drill_all(self) -> None:
        """Ask about all of them."""
        if self._snapshot is not None:
            self._start([one.name for one in self._snapshot.gates.drills])

    def action_drill_stop(self) -> None:
        """Stop the run; its place is taken down first."""
        self._stop()


def _row(one: DrillView, standing: str, now: datetime) -> Row:
    ago = fmt.UNKNOWN if one.at is None else fmt.duration((now - one.at).total_seconds())
    return Row(one.name, (one, standing, ago), partial(_cells, one, standing, ago))


def _cells(one: DrillView, standing: str, ago: str) -> tuple[Span, ...]:
    last, tone = _LAST.get(one.verdict, (clean(one.verdict), Tone.WARN))
    now, loud = _NOW.get(standing, (clean(standing), Tone.WARN))
    return (
        Span(clean(one.name), Tone.STRONG if standing else Tone.TEXT),
        Span(now, loud),
        Span(last, tone),
        Span(ago, Tone.MUTED),
        Span(clean(one.text) if one.at is not None else "", Tone.MUTED),
    )
