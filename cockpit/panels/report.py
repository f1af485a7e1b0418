"""The restart report: what this start found, until the operator has read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from cockpit.frame import Frame
from cockpit.keymap import key_for
from cockpit.panels.panel import Panel
from cockpit.spans import Line, Span, Tone, line
from engine.api import Snapshot

SHOWN_FOR_S, SHOWN_OVER_POSITIONS_S = 90.0, 30.0
"""Nobody has to dismiss it: after this long it goes by itself, sooner where positions need the room. The
recovery screen keeps it."""
MOST_LINES, FEW_LINES = 5, 2
_ROOMY = 30
"""Rows of terminal from which on more than a few lines are shown."""


class ReportPanel(Panel, can_focus=False):
    """The whole report, as far as it fits."""

    def title_of(self, frame: Frame) -> str:
        """Name, and how much of it is in sight."""
        return report_title(frame.snapshot.recovery.report, most=max(1, self.size.height))

    def build(self, frame: Frame, *, width: int, height: int) -> Sequence[Line]:
        """As many lines as fit."""
        return report_lines(frame.snapshot.recovery.report, most=height)


def report_lines(report: Sequence[str], *, most: int) -> list[Line]:
    """At most `most` lines."""
    if not report:
        return [line(Span(" the account was not compared yet", Tone.MUTED))]
    return [line(Span(f" {text}")) for text in report[:most]]


def report_title(report: Sequence[str], *, most: int) -> str:
    """Name, and how much of it is shown."""
    return f"Restart report · {most} of {len(report)} lines" if len(report) > most else "Restart report"


class ReportBlock(Panel, can_focus=False):
    """The first lines of the report on the cockpit screen, while it is fresh and nothing waits."""

    def __init__(self, *, hints: str, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._hints = hints
        self._seen: tuple[str, ...] = ()
        self._since: datetime | None = None
        self._dismissed = False

    def title_of(self, frame: Frame) -> str:
        """Name, and how to be rid of it."""
        return f"{report_title(frame.snapshot.recovery.report, most=self._most)} · {self._hints}"

    def build(self, frame: Frame, *, width: int, height: int) -> Sequence[Line]:
        """The first lines."""
        return report_lines(frame.snapshot.recovery.report, most=self._most)

    def show(self, frame: Frame) -> None:
        """Appear with a fresh report, go when it is read or old."""
        recovery = frame.snapshot.recovery
        if recovery.report != self._seen:
            self._seen, self._since, self._dismissed = recovery.report, frame.now, False
        old = self._since is None or is_read(frame.snapshot, age_s=(frame.now - self._since).total_seconds())
        self.display = bool(recovery.report) and not (recovery.open_rows or self._dismissed or old)
        if self.display:
            self.styles.height = min(len(recovery.report), self._most) + 1
            super().show(frame)

    def dismiss(self) -> None:
        """It was read."""
        self._dismissed = True
        self.display = False

    @property
    def _most(self) -> int:
        return MOST_LINES if self.app.size.height >= _ROOMY else FEW_LINES


def is_read(snapshot: Snapshot, *, age_s: float) -> bool:
    """True where a report of this age has stood long enough."""
    return age_s > (SHOWN_OVER_POSITIONS_S if snapshot.positions else SHOWN_FOR_S)


def report_hints(keys: Mapping[str, str]) -> str:
    """How to hide it and where the rest is: `esc hides · O all of it`."""
    hide, all_of_it = (key_for(name, overrides=keys) for name in ("hide_report", "recovery"))
    return f"{hide} hides · {all_of_it} all of it"
