"""How sure the model is, per symbol, and how sure it must be to trade."""

from __future__ import annotations

from collections.abc import Sequence

from cockpit import format as fmt
from cockpit.frame import Frame
from cockpit.panels.panel import Panel
from cockpit.spans import Line, Span, Tone, line
from engine.api import ConfidenceView


class ConfidencePanel(Panel):
    """One line per symbol the model speaks about; one quiet line while there is none."""

    def title_of(self, frame: Frame) -> str:
        """Name, count, age."""
        count = len(frame.snapshot.confidence)
        return f"Confidence{f' {count}' if count else ''} · {fmt.freshness(frame.age_s)}"

    def build(self, frame: Frame, *, width: int, height: int) -> Sequence[Line]:
        """The model's lines."""
        if not frame.snapshot.confidence:
            return [line(Span(f" {frame.snapshot.confidence_text}", Tone.MUTED))]
        return [_view_line(view) for view in frame.snapshot.confidence]


def _view_line(view: ConfidenceView) -> Line:
    enough = view.probability is not None and view.needed is not None and view.probability >= view.needed
    arrow = fmt.arrow(float(view.direction))
    return line(
        Span(f" {view.symbol:<7}", Tone.STRONG),
        Span(f"{arrow} {fmt.number(view.probability)} ", Tone.ACCENT if enough else Tone.TEXT),
        Span(f"needs {fmt.number(view.needed)}  {_evidence(view)}", Tone.MUTED),
        Span(f"  {view.drift}" if view.drift else "", Tone.WARN),
        Span(f"  {view.text}", Tone.MUTED),
    )


def _evidence(view: ConfidenceView) -> str:
    """How much is proven by how many trades; the sample alone where there is no gate."""
    if view.evidence is None or view.evidence_needed is None:
        return f"n {view.samples}"
    explored = f" +{view.explored} exploring" if view.explored else ""
    counts = f"shadow {view.shadow_trades}  live {view.live_trades}{explored}"
    return f"evidence {fmt.number(view.evidence)} of {fmt.number(view.evidence_needed)}  {counts}"
