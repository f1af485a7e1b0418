"""Says why nothing happened: how many came through each stage of a cycle, and what held back the rest."""

from __future__ import annotations

from cockpit import format as fmt
from cockpit.frame import Frame
from cockpit.previews import labelled
from cockpit.spans import Line, Span, Tone, line
from engine.api import Snapshot
from engine.api_pipeline import CycleTrace, Stage, StageView, stage_words

ASKS = {
    Stage.UNIVERSE: "tier, spread and traded value, data line",
    Stage.TRIGGER: "has the strategy seen anything",
    Stage.RULES: "the strategy's own filters, score and attempts",
    Stage.RISK: "the gate: brakes, session, quote, limits, size",
    Stage.EXECUTION: "written down, then sent; a dry run ends here",
    Stage.STATE: "kept by the store",
}


def chain(snapshot: Snapshot) -> str:
    """The last cycle in one line, to where it ended: `503 → universe 41 → trigger 3 → rules 0`."""
    trace = snapshot.selection.pipeline.last
    if trace is None or not trace.stages:
        return "no decision cycle yet"
    reached = [stage for stage in trace.stages if stage.entered] or trace.stages[:1]
    return f"{reached[0].entered} → " + " → ".join(f"{s.stage.value} {s.passed}" for s in reached)


def cycle_lines(frame: Frame) -> list[Line]:
    """The page of the last cycle, and of the last one with a proposal."""
    snapshot = frame.snapshot
    pipeline, zone = snapshot.selection.pipeline, snapshot.session.time_zone
    if pipeline.last is None:
        return [line(Span("no decision cycle yet", Tone.MUTED))]
    lines = labelled("entries", snapshot.entries_text)
    lines += _trace_lines("The last cycle", pipeline.last, zone=zone, explained=True)
    if pipeline.acted is None:
        lines += [line(), line(Span("No strategy has proposed anything since the start.", Tone.MUTED))]
    elif pipeline.acted != pipeline.last:
        lines += _trace_lines("The last one with a proposal", pipeline.acted, zone=zone)
    said = "One instrument counts once for each strategy that watches it."
    return [*lines, line(), line(Span(said, Tone.MUTED))]


def _trace_lines(title: str, trace: CycleTrace, *, zone: str, explained: bool = False) -> list[Line]:
    head = f"{title}, {fmt.wall_time(trace.at, time_zone=zone)}"
    lines = [line(), line(Span(head, Tone.ACCENT))]
    for stage in trace.stages:
        lines += labelled(stage.stage.value, stage_words(stage), tone=_tone(stage))
        if stage.entered and explained:
            lines += labelled("", ASKS[stage.stage], tone=Tone.MUTED)
    return lines


def _tone(stage: StageView) -> Tone:
    """The stage where everything ended is the answer."""
    if not stage.entered:
        return Tone.MUTED
    return Tone.TEXT if stage.passed else Tone.WARN
