"""All about one contract's model in lines: signal, evidence, drift, honesty, where it is good. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from cockpit import format as fmt
from cockpit.format import clean
from cockpit.spans import Line, Span, Tone, line, pad, width_of
from cockpit.widgets.braille_chart import bounds, plot, scatter
from engine.api import ModelView
from engine.api_learning import ConfidenceCell, ModelState

ENOUGH = 30
"""Outcomes below which a share of them is shown in grey: it may be chance."""
HOW_TO = (
    "No strategy that runs here learns. To switch the futures trader on, add",
    "this to cockpit.toml and start with --paper (it refuses real accounts):",
    "    [strategies.learner]",
    '    kind = "learned_futures"',
    '    symbols = ["ES@CME", "NQ@CME"]',
    '    timeframe = "5s"',
    '    profile = "futures"',
    '    params = { appetite = "standard" }',
    "It trades only what its outcomes have proven (docs/learning.md).",
)
NOT_ENOUGH = "not enough data"
TONES = {
    ModelState.OPEN: Tone.ACCENT,
    ModelState.HELD: Tone.STRONG,
    ModelState.EXPLORING: Tone.WARN,
    ModelState.REVOKED: Tone.WARN,
    ModelState.OFF: Tone.ERROR,
    ModelState.SHUT: Tone.TEXT,
}
_LABEL = 10
_CHART_GAP = 3
_AXIS = 5


def page_lines(view: ModelView, *, width: int, chart_rows: int, time_zone: str) -> list[Line]:
    """Everything about one contract, for `width` cells."""
    lines = [
        *_said("why", clean(view.text), width=width, tone=TONES.get(view.state, Tone.MUTED)),
        *_said("signal", signal_text(view), width=width, tone=_tone(view.labels, least=view.least)),
        *_said("evidence", evidence_text(view), width=width),
        *_said("mean R", mean_text(view), width=width, tone=_tone(view.shadow_trades)),
        *_said("trades", trades_text(view), width=width),
        *_said("drift", drift_text(view), width=width),
        *_events(view, width=width, time_zone=time_zone),
        *_said("model", model_text(view), width=width),
        *(_said("rivals", rivals_text(view), width=width) if view.rivals else []),
        *_said("honesty", honesty_text(view), width=width, tone=_tone(view.labels)),
        *_here(view, width=width),
    ]
    charts = chart_lines(view, width=width, rows=chart_rows)
    return [*lines, *charts, *_cell_lines(view.cells, width=width)]


def _said(label: str, text: str, *, width: int, tone: Tone = Tone.TEXT) -> list[Line]:
    parts = textwrap.wrap(text, width=max(8, width - _LABEL)) or [""]
    return [
        line(Span(f"{label if row == 0 else '':<{_LABEL}}", Tone.MUTED), Span(part, tone))
        for row, part in enumerate(parts)
    ]


def _tone(n: int, *, least: int = ENOUGH) -> Tone:
    """Grey where there are too few outcomes for a figure to mean anything."""
    return Tone.MUTED if n < max(least, 1) else Tone.TEXT


# --- what it says now ------------------------------------------------------------------------------


def signal_text(view: ModelView) -> str:
    """The calibrated probability of the last decision and what it would need."""
    limits = f"floor {fmt.number(view.floor)}, ceiling {fmt.number(view.ceiling)}"
    if view.probability is None:
        return f"{NOT_ENOUGH}: {view.labels} of {view.least} outcomes; {limits}"
    way = {1: "▲ up", -1: "▼ down"}.get(view.direction, "·")
    said = f"{way} {fmt.number(view.probability)} calibrated"
    needs = (
        "needs — (nothing is proven)"
        if view.threshold is None
        else f"needs {fmt.number(view.threshold)} (by evidence {fmt.number(view.p_needed)}, {limits})"
    )
    net = f"nets {fmt.signed(view.net_ticks)} ticks after {fmt.number(view.cost_ticks)} of costs"
    return f"{said} · {needs} · {net}"


def evidence_text(view: ModelView) -> str:
    """x of y needed."""
    if view.evidence is None:
        return f"{NOT_ENOUGH}: too few decisions for a shadow trade"
    lives = f" · life {view.lives}: each asks for more" if view.lives > 1 else ""
    raised = f" · drawdown {100 * view.drawdown:.0f} % used, the bar is higher" if view.drawdown > 0 else ""
    found = f"{wealth(view.evidence)} of {wealth(view.evidence_needed)} needed"
    return f"{found}, {bar_of(view.progress)}{lives}{raised}"


def wealth(value: float | None) -> str:
    """Evidence at a glance; beyond what anybody reads it is `> 1M`; without a chance a dash."""
    if value is None:
        return fmt.UNKNOWN
    if value > 1e6:
        return "> 1M"
    return fmt.number(value, decimals=1 if value < 100 else 0)


def bar_of(share: float, *, cells: int = 10) -> str:
    """A share as a bar with its figure."""
    full = max(0, min(cells, int(share * cells)))
    return f"{'█' * full}{'░' * (cells - full)} {100 * share:.0f} %"


def mean_text(view: ModelView) -> str:
    """What a shadow trade nets, how sure that is, and whether luck alone explains it."""
    if view.mean_r is None:
        return f"{NOT_ENOUGH}: no shadow trade since evidence began"
    luck = (
        f"deflated Sharpe {NOT_ENOUGH}"
        if view.deflated is None
        else f"deflated Sharpe {fmt.number(view.deflated)} ({view.tries} tried)"
    )
    interval = (
        "no interval yet"
        if view.mean_low is None
        else f"95 %: {fmt.signed(view.mean_low, decimals=3)} to {fmt.signed(view.mean_high, decimals=3)}"
    )
    few = f" · only {view.shadow_trades}: may be chance" if view.shadow_trades < ENOUGH else ""
    return f"{fmt.signed(view.mean_r, decimals=3)} ({interval}) · {luck}{few}"


def trades_text(view: ModelView) -> str:
    """Shadow, live, exploring; and how long the gate was open."""
    explored = f" · {view.explored} exploring, never evidence" if view.explored else ""
    share = fmt.UNKNOWN if view.open_share is None else f"{100 * view.open_share:.0f} %"
    return f"{view.shadow_trades} shadow · {view.live_trades} live{explored} · gate open {share} of the time"


def drift_text(view: ModelView) -> str:
    """What the detectors see now."""
    wrong = fmt.UNKNOWN if view.error_rate is None else f"{100 * view.error_rate:.0f} % wrong"
    alarms = "no alarm" if not view.alarms else f"{view.alarms} alarm{'' if view.alarms == 1 else 's'}"
    return f"{alarms} · {wrong} in {view.outcomes} outcomes that do not overlap"


def _events(view: ModelView, *, width: int, time_zone: str) -> list[Line]:
    """The last turn of its life, before and after."""
    if not view.events:
        return []
    last = view.events[-1]
    at = fmt.wall_time(last.at, time_zone=time_zone)
    return _said("", f"{at} {clean(last.text)}", width=width, tone=Tone.WARN)


def model_text(view: ModelView) -> str:
    """Champion, challenger, and which sets of features count."""
    name = f"{clean(view.champion)} is champion, " if view.rivals else ""
    shares = " · ".join(f"{clean(name)} {100 * share:.0f} %" for name, share in view.experts)
    if not view.has_challenger:
        rival = f"{'no challenger' if view.rivals else 'champion alone'}, {view.promotions} promoted"
    else:
        rival = f"challenger at {wealth(view.ratio)} of {wealth(view.ratio_needed)} needed to take over"
    return f"{name}{rival}{f' · {shares}' if shares else ''}"


def rivals_text(view: ModelView) -> str:
    """Who stands against the champion: the likelihood each has earned, its log-loss beside the champion's."""
    return " · ".join(
        [
            f"{clean(one.name)} {wealth(one.ratio)} of {wealth(one.needed)} needed (log-loss"
            f" {fmt.number(one.loss, decimals=3)} against {fmt.number(one.champion_loss, decimals=3)},"
            f" n {one.labels})"
            for one in view.rivals
        ]
    )


def honesty_text(view: ModelView) -> str:
    """How far claims and outcomes lie apart."""
    if view.calibration_error is None:
        return NOT_ENOUGH
    error, brier = fmt.number(view.calibration_error, decimals=3), fmt.number(view.brier, decimals=3)
    covered = fmt.UNKNOWN if view.coverage is None else f"{100 * view.coverage:.0f} %"
    return f"calibration error {error} · Brier {brier} · coverage {covered} of 80 · n {view.labels}"


# --- where it is good ------------------------------------------------------------------------------


def _here(view: ModelView, *, width: int) -> list[Line]:
    """Confidence by contract, regime and half-hour of the last decision, each with its n."""
    found = here_of(view)
    if not found:
        return _said("right", NOT_ENOUGH, width=width, tone=Tone.MUTED)
    spans = [Span(f"{name} {fmt.number(cell.share)} n {cell.n}  ", _tone(cell.n)) for name, cell in found]
    rows = _flowed(spans, width=width - _LABEL)
    return [
        (Span(f"{'right' if row == 0 else '':<{_LABEL}}", Tone.MUTED), *one) for row, one in enumerate(rows)
    ]


def here_of(view: ModelView) -> list[tuple[str, ConfidenceCell]]:
    """The cells of now, from the whole contract down."""
    wanted = (("", None), (view.regime, None), (view.regime, view.half_hour))
    names = (view.symbol, view.regime, half_hour_name(view.half_hour))
    known = {(cell.regime, cell.half_hour): cell for cell in view.cells}
    found = {name: known[place] for name, place in zip(names, wanted, strict=True) if place in known}
    return list(found.items())


def half_hour_name(index: int | None) -> str:
    """When in the session: `+1:30`, counted from its opening."""
    return "session" if index is None else f"+{index // 2}:{30 * (index % 2):02d}"


def _cell_lines(cells: Sequence[ConfidenceCell], *, width: int) -> list[Line]:
    """Every half-hour of both regimes, as many in a line as fit."""
    timed = [cell for cell in cells if cell.half_hour is not None]
    if not timed:
        return []
    lines = [line(Span("Half-hours since the open", Tone.ACCENT), Span(" share right, n", Tone.MUTED))]
    return lines + _flowed((_cell_span(cell) for cell in timed), width=width)


def _cell_span(cell: ConfidenceCell) -> Span:
    text = f"{half_hour_name(cell.half_hour):>6} {clean(cell.regime):<6} {fmt.number(cell.share)} n {cell.n}"
    return Span(pad(text, width=26), _tone(cell.n))


def _flowed(spans: Iterable[Span], *, width: int) -> list[Line]:
    lines: list[Line] = []
    for span in spans:
        if lines and width_of((*lines[-1], span)) <= width:
            lines[-1] = (*lines[-1], span)
        else:
            lines.append((span,))
    return lines


# --- charts ----------------------------------------------------------------------------------------


def chart_lines(view: ModelView, *, width: int, rows: int) -> list[Line]:
    """The reliability diagram beside confidence over time; one below the other where it is narrow."""
    if rows < 2:
        return []
    half = (width - _CHART_GAP) // 2
    left, right = _reliability(view, width=half, rows=rows), _course(view, width=half, rows=rows)
    return [
        (*one, Span(" " * (half - width_of(one) + _CHART_GAP)), *other)
        for one, other in zip(left, right, strict=True)
    ]


def _reliability(view: ModelView, *, width: int, rows: int) -> list[Line]:
    counted = sum(one.n for one in view.bins)
    words = f" came true by what was claimed, n {counted:,}"
    head = _head("Reliability", words if len(words) + 11 <= width else f" n {counted:,}", width=width)
    if not view.bins:
        return _nothing(head, rows=rows)
    # Claims of one's own direction begin at one half; the diagonal is where claims are kept.
    points = [((one.claimed - 0.5) * 2.0, (one.came_true - 0.5) * 2.0) for one in view.bins]
    drawn = scatter(points, width=width - _AXIS, height=rows)
    tone = Tone.MUTED if counted < ENOUGH else Tone.TEXT
    lines = [
        line(Span(f"{_axis(row, rows, high=1.0, low=0.5):<{_AXIS}}", Tone.MUTED), Span(dots, tone))
        for row, dots in enumerate(drawn)
    ]
    return [head, *lines]


def _course(view: ModelView, *, width: int, rows: int) -> list[Line]:
    if not view.course or view.course_from is None or view.course_to is None:
        return _nothing(_head("Confidence", " over time", width=width), rows=rows)
    lasted = fmt.duration((view.course_to - view.course_from).total_seconds())
    needed = "" if view.threshold is None else f", dotted {fmt.number(view.threshold)} needed"
    head = _head("Confidence", f" last {lasted}{needed}", width=width)
    low, high = bounds(view.course, baseline=view.threshold)
    drawn = plot(view.course, width=width - _AXIS, height=rows, baseline=view.threshold)
    lines = [
        line(Span(f"{_axis(row, rows, high=high, low=low):<{_AXIS}}", Tone.MUTED), Span(dots))
        for row, dots in enumerate(drawn)
    ]
    return [head, *lines]


def _head(title: str, words: str, *, width: int) -> Line:
    return line(Span(title, Tone.ACCENT), Span(pad(words, width=width - len(title)), Tone.MUTED))


def _axis(row: int, rows: int, *, high: float, low: float) -> str:
    return fmt.number(high) if row == 0 else fmt.number(low) if row == rows - 1 else ""


def _nothing(head: Line, *, rows: int) -> list[Line]:
    return [head, line(Span(NOT_ENOUGH, Tone.MUTED)), *([line()] * (rows - 1))]
