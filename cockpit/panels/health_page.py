"""Everything about health at full size: checks with value and limit, times, counters, uptime, gates. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from datetime import datetime

from textual.geometry import Size

from cockpit import format as fmt
from cockpit.format import clean
from cockpit.frame import Frame, mark_of_level, tone_of_level
from cockpit.panels.health import all_rows
from cockpit.panels.panel import Panel
from cockpit.spans import Line, Span, Tone, line, pad
from engine.api import HealthRow, Level, TelemetryView, TimingRow, UptimeView
from engine.api_gates import GatesView, GateView

UPTIME_TARGET_PCT = 99.9
_NAME, _VALUE, _LIMIT, _AGE = 13, 13, 13, 10
_MARK = 3
_DONE = "✓"
_GATE_MARKS = {"green": (_DONE, Tone.TEXT), "waived": ("~", Tone.WARN), "failed": ("✗", Tone.ERROR)}
_DRILL_MARKS = {"passed": (_DONE, Tone.TEXT), "never": ("·", Tone.MUTED), "failed": ("✗", Tone.ERROR)}


class HealthPage(Panel, can_focus=False):
    """As high as its lines: the screen around it scrolls."""

    def title_of(self, frame: Frame) -> str:
        """None: the screen has a header."""
        return ""

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """All of it."""
        return max(1, len(self.lines))

    def set_lines(self, lines: Sequence[Line]) -> None:
        """Show the lines; another number of them takes another layout."""
        before = len(self.lines)
        super().set_lines(lines)
        if len(self.lines) != before:
            self.refresh(layout=True)

    def build(self, frame: Frame, *, width: int, height: int) -> Sequence[Line]:
        """Every section."""
        return page_lines(frame, width=width)


def page_lines(frame: Frame, *, width: int) -> list[Line]:
    """The whole page for `width` cells."""
    telemetry, gates = frame.snapshot.telemetry, frame.snapshot.gates
    sections = (
        _checks(frame, width=width),
        _times(telemetry.timings, width=width),
        _counters(telemetry, width=width),
        _uptime(telemetry.uptime, width=width),
        gate_lines(gates, now=frame.now, width=width),
        drill_lines(gates, now=frame.now, width=width),
    )
    lines: list[Line] = []
    for section in sections:
        lines += [*([line()] if lines and section else []), *section]
    return lines


# --- checks --------------------------------------------------------------------------------------


def _checks(frame: Frame, *, width: int) -> list[Line]:
    rows = all_rows(frame)
    blocking = sum(1 for row in rows if row.blocks)
    words = f"{blocking} of {len(rows)} block entries" if blocking else f"{len(rows)}, none blocks entries"
    if not frame.snapshot.health:
        words = "the engine has not looked yet"
    titles = (("check", _NAME), ("value", _VALUE), ("limit", _LIMIT), ("for", _AGE), ("what it says", 0))
    lines = [_head("Checks", f"{words} · {fmt.freshness(frame.age_s)}"), _titles(titles)]
    for row in rows:
        lines += _check(row, width=width)
    return lines


def _check(row: HealthRow, *, width: int) -> list[Line]:
    tone = tone_of_level(row.level)
    margin = _MARK + _NAME + _VALUE + _LIMIT + _AGE
    said = f"{'BLOCKS ENTRIES: ' if row.blocks else ''}{clean(row.text)}"
    parts = textwrap.wrap(said, width=max(12, width - margin - 1)) or [""]
    head = line(
        Span(f" {mark_of_level(row.level)} ", Tone.ACCENT if row.level is Level.OK else tone),
        Span(pad(clean(row.name), width=_NAME)),
        Span(pad(clean(row.value) or fmt.UNKNOWN, width=_VALUE - 2) + "  ", tone),
        Span(pad(clean(row.limit) or fmt.UNKNOWN, width=_LIMIT - 2) + "  ", Tone.MUTED),
        Span(pad(_since(row.for_s), width=_AGE), Tone.MUTED),
        Span(parts[0], tone),
    )
    return [head, *(line(" " * margin, Span(part, tone)) for part in parts[1:])]


def _since(seconds: float | None) -> str:
    return fmt.UNKNOWN if seconds is None else fmt.duration(seconds)


# --- times, counters, uptime -----------------------------------------------------------------------


def _times(rows: Sequence[TimingRow], *, width: int) -> list[Line]:
    if not rows:
        return []
    bad = sum(1 for row in rows if row.violated)
    words = f"{bad} too slow" if bad else "the last five minutes"
    figures = 9
    titles = (("time", 22), ("n", 7), ("p50", figures), ("p95", figures), ("p99", figures), ("limit", 0))
    lines = [_head("Times", words), _titles(titles)]
    for row in rows:
        tone = Tone.WARN if row.violated else Tone.TEXT
        sign = "!" if row.violated else "✓" if row.limit and row.count else "·"
        values = "".join(pad(_ms(ms), width=figures) for ms in (row.p50_ms, row.p95_ms, row.p99_ms))
        text = f"{pad(clean(row.name), width=22)}{pad(f'{row.count:,}', width=7)}{values}"
        rest = max(0, width - _MARK - len(text) - 1)
        lines.append(
            line(
                Span(f" {sign} ", tone if row.violated else Tone.ACCENT),
                Span(text, tone),
                Span(clean(row.limit)[:rest], Tone.MUTED),
            )
        )
    return lines


def _ms(value: float | None) -> str:
    if value is None:
        return fmt.UNKNOWN
    if value >= 1000.0:
        return f"{value / 1000.0:.2f} s"
    return f"{value:.1f} ms" if value >= 1.0 else f"{value:.2f} ms"


def _counters(view: TelemetryView, *, width: int) -> list[Line]:
    share = view.degraded_pct
    bad = share is not None and share > view.degraded_limit_pct
    shown = fmt.UNKNOWN if share is None else f"{share:.2f} %"
    text = (
        f"{view.bars:,} bars processed · orders: {view.proposed:,} proposed, {view.approved:,} approved, "
        f"{view.submitted:,} submitted"
    )
    degraded = (
        f"{view.degraded:,} of {view.cycles:,} decision cycles degraded ({shown}, limit "
        f"{view.degraded_limit_pct:g} %)"
    )
    return [
        _head("Counters", "of this run"),
        *_wrapped(text, width=width),
        *_wrapped(degraded, width=width, tone=Tone.WARN if bad else Tone.TEXT),
    ]


def _uptime(view: UptimeView, *, width: int) -> list[Line]:
    if view.pct is None:
        return [_head("Uptime", "no session recorded yet")]
    words = "session" if view.sessions == 1 else "sessions"
    failures = "no failure" if not view.failures else f"{view.failures} failure(s)"
    between = "" if view.mtbf_h is None else f", mean time between failures {view.mtbf_h:.1f} h"
    text = f"{view.pct:.2f} % of {view.sessions} {words}, {view.up_h:.1f} h up, {failures}{between}"
    tone = Tone.WARN if view.pct < UPTIME_TARGET_PCT else Tone.TEXT
    target = f"while its market was open, target {UPTIME_TARGET_PCT:g} %"
    return [_head("Uptime", target), *_wrapped(text, width=width, tone=tone)]


# --- gates -----------------------------------------------------------------------------------------


def gate_lines(view: GatesView, *, now: datetime, width: int) -> list[Line]:
    """Go or no go: every gate with its evidence and how old that is; nothing before they were looked at."""
    if not view.rows:
        return []
    closed = sum(1 for gate in view.rows if not gate.opens)
    words = f"{closed} of {len(view.rows)} closed" if closed else "all open"
    lines = [_head("Gates of --live", f"{words}{f' · {view.account}' if view.account else ''}")]
    for text in (view.counts_text, " · ".join(filter(None, (view.stage, view.stage_text)))):
        lines += _wrapped(clean(text), width=width, tone=Tone.MUTED) if text else []
    for gate in view.rows:
        lines += _gate(gate, now=now, width=width)
    return lines


def drill_lines(view: GatesView, *, now: datetime, width: int) -> list[Line]:
    """Practice: every drill with its last result; nothing before they were looked at."""
    if not view.drills:
        return []
    lines = [_head("Drills", "practice on a private gateway, turns no gate · D runs them")]
    for one in view.drills:
        mark = _DRILL_MARKS.get(one.verdict, ("!", Tone.WARN))
        lines += _judged(mark, (one.name, one.verdict, one.text), one.at, now=now, width=width)
    return lines


def _gate(gate: GateView, *, now: datetime, width: int) -> list[Line]:
    mark = _GATE_MARKS.get(gate.verdict, ("!", Tone.WARN))
    words = (gate.code, gate.verdict, f"{gate.title}: {gate.text}")
    return _judged(mark, words, gate.at, now=now, width=width)


def _judged(
    mark: tuple[str, Tone], words: tuple[str, str, str], at: datetime | None, *, now: datetime, width: int
) -> list[Line]:
    """Sign, name, verdict, age and text of what was judged."""
    (sign, tone), (name, verdict, text) = mark, words
    age = fmt.UNKNOWN if at is None else fmt.duration(max(0.0, (now - at).total_seconds()))
    margin = _MARK + 20 + 9 + _AGE
    parts = textwrap.wrap(clean(text), width=max(12, width - margin - 1)) or [""]
    head = line(
        Span(f" {sign} ", Tone.ACCENT if sign == _DONE else tone),
        Span(pad(clean(name), width=19) + " "),
        Span(pad(clean(verdict), width=9), tone),
        Span(pad(age, width=_AGE), Tone.MUTED),
        Span(parts[0], tone),
    )
    return [head, *(line(" " * margin, Span(part, tone)) for part in parts[1:])]


# --- lines -----------------------------------------------------------------------------------------


def _head(title: str, words: str) -> Line:
    return line(Span(f" {title} ", Tone.ACCENT), Span(words, Tone.MUTED))


def _titles(titles: Iterable[tuple[str, int]]) -> Line:
    words = "".join(pad(title, width=max(width, len(title))) for title, width in titles)
    return line(Span(" " * _MARK + words, Tone.MUTED))


def _wrapped(text: str, *, width: int, tone: Tone = Tone.TEXT) -> list[Line]:
    return [
        line(" " * _MARK, Span(part, tone)) for part in textwrap.wrap(text, width=max(12, width - _MARK - 1))
    ]
