"""How sure the model is, per symbol, and how sure it must be to trade."""

from __future__ import annotations

from collections.abc import Sequence

from cockpit import format as fmt
from cockpit.frame import Frame
from cockpit.panels.model_page import ENOUGH, here_of
from cockpit.panels.panel import Panel
from cockpit.spans import Line, Span, Tone, line
from cockpit.widgets.braille_chart import sparkline
from engine.api import ConfidenceView, ModelView
from engine.api_learning import ConfidenceCell

_SPARK = 8


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
        views = frame.snapshot.confidence
        models = {one.symbol: one for one in frame.snapshot.models}
        roomy = height >= 2 * len(views)
        lines: list[Line] = []
        for view in views:
            model = models.get(view.symbol)
            lines.append(_view_line(view, model))
            if roomy and model is not None and (found := here_of(model)):
                lines.append(_place_line(found))
        return lines

    def show(self, frame: Frame) -> None:
        """Take more lines where there is something to tell."""
        self.set_class(bool(frame.snapshot.models), "-learning")
        super().show(frame)


def _place_line(found: Sequence[tuple[str, ConfidenceCell]]) -> Line:
    """How often it was right: in the contract, in this regime, at this time of the session."""
    spans = [
        Span(f"  {name} {fmt.number(cell.share)} n {cell.n}", Tone.MUTED if cell.n < ENOUGH else Tone.TEXT)
        for name, cell in found
    ]
    return line(Span(" right", Tone.MUTED), *spans)


def _view_line(view: ConfidenceView, model: ModelView | None) -> Line:
    enough = view.probability is not None and view.needed is not None and view.probability >= view.needed
    arrow = fmt.arrow(float(view.direction))
    return line(
        Span(f" {view.symbol:<7}", Tone.STRONG),
        Span(f"{arrow} {fmt.number(view.probability)} ", Tone.ACCENT if enough else Tone.TEXT),
        Span(f"needs {fmt.number(view.needed)}  ", Tone.MUTED),
        Span(_past(model), Tone.TEXT),
        Span(_evidence(view), Tone.MUTED),
        Span(f"  {view.drift}" if view.drift else "", Tone.WARN),
        Span(f"  {view.text}", Tone.MUTED),
    )


def _past(model: ModelView | None) -> str:
    """Confidence over time."""
    if model is None or not model.course:
        return ""
    return f"{sparkline(model.course, cells=_SPARK)}  "


def _evidence(view: ConfidenceView) -> str:
    """How much is proven by how many trades; the sample alone where there is no gate."""
    if view.evidence is None or view.evidence_needed is None:
        return f"n {view.samples}"
    explored = f" +{view.explored} exploring" if view.explored else ""
    counts = f"shadow {view.shadow_trades}  live {view.live_trades}{explored}"
    return f"evidence {fmt.number(view.evidence)} of {fmt.number(view.evidence_needed)}  {counts}"
