"""The keys of the drills: looked at by everybody, started and stopped by the screen that acts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cockpit.drill_process import Drills, Stop
from cockpit.drill_run import DrillRun
from cockpit.format import clean
from cockpit.messages import DrillsEnded, DrillTold
from cockpit.operations import OperatorActions
from cockpit.previews import Preview, labelled
from cockpit.spans import Span, Tone
from engine.api import Mode, Snapshot

if TYPE_CHECKING:
    from cockpit.screens.drills import DrillsDialog

WHERE = (
    "a cockpit and a paper gateway of its own in a temporary folder; this session's account is not touched"
)
COST = "some of this machine's processor, beside the session that runs; about ten seconds for each drill"
WORTH = "practice: the result is kept, and turns no gate of --live green"
NOT_LIVE = "not beside real money: after the session, `cockpit drill all` in a shell"


class Drilling(OperatorActions):
    """One run at a time; it lives with the screen and is stopped when the screen goes."""

    def __init__(self) -> None:
        super().__init__()
        self._drill_run: DrillRun | None = None
        self._stop_drills: Stop | None = None
        self._drills_page: DrillsDialog | None = None

    @property
    @abstractmethod
    def drills(self) -> Drills | None:
        """What runs drills; None where none can be started from here."""

    def action_drills(self) -> None:
        """The drills, their results, and how far a run is."""
        from cockpit.screens.drills import DrillsDialog

        self._drills_page = DrillsDialog(
            keys=self.keys, run=lambda: self._drill_run, start=self.ask_drills, stop=self.stop_drills
        )
        self.open_dialog(self._drills_page)

    def ask_drills(self, names: Sequence[str]) -> None:
        """Preview, then run these."""
        known = [one.name for one in self.snapshot.gates.drills]
        strange = [name for name in names if name not in known]
        if not self.handle.seat().acting:
            self._no_drill(self.why_not_acting())
        elif self.drills is None:
            self._no_drill("not from this screen: `cockpit drill` in a shell")
        elif self._drill_run is not None and self._drill_run.runs:
            self._no_drill("a run goes on already")
        elif strange or not names:
            self._no_drill(f"there is no drill {strange[0]}" if strange else "they are not known yet")
        else:
            what = names[0] if len(names) == 1 else f"{len(names)} drills, one after the other"
            self.ask(
                f"Drill {what}",
                lambda snapshot: drill_preview(snapshot, names),
                yes="Run",
                then=lambda _answers: self._start_drills(tuple(names)),
            )

    def _start_drills(self, names: tuple[str, ...]) -> None:
        if self.drills is None or not self.handle.seat().acting:
            self._no_drill(self.why_not_acting())
            return
        self._drill_run = DrillRun(names, self.frame.now)
        try:
            self._stop_drills = self.drills.start(
                names,
                told=lambda text: self.post_message(DrillTold(text)),
                ended=lambda code: self.post_message(DrillsEnded(code)),
            )
        except OSError as err:
            self._drill_run = None
            self._no_drill(f"the process did not start: {err}")
            return
        self.say(Span("drills: ", Tone.STRONG), Span(f"{', '.join(names)} started"))
        self._follow_drills()

    def stop_drills(self) -> None:
        """Ask the run to end early; what it built is taken down first."""
        run = self._drill_run
        if run is None or not run.runs or self._stop_drills is None:
            self._no_drill("none runs")
            return
        self._drill_run = replace(run, stopping=True)
        self._stop_drills()
        self.say(Span("drills: stopping, their place is taken down", Tone.WARN))
        self._follow_drills()

    def on_drill_told(self, message: DrillTold) -> None:
        """One line of the run."""
        if self._drill_run is not None:
            self._drill_run = self._drill_run.heard(message.text)
            self._follow_drills()

    def on_drills_ended(self, message: DrillsEnded) -> None:
        """The run is over."""
        if self._drill_run is not None:
            self._drill_run = self._drill_run.ended(message.code)
            tone = Tone.STRONG if message.code == 0 else Tone.WARN
            self.say(Span("drills ", tone), Span(self._drill_run.text(now=self.frame.now)))
            self._follow_drills()

    def on_unmount(self) -> None:
        """The screen goes: nobody would hear how it ends."""
        if self._stop_drills is not None:
            self._stop_drills()

    def _follow_drills(self) -> None:
        if self._drills_page is not None and self.screen is self._drills_page:
            self._drills_page.follow(self.frame)

    def _no_drill(self, why: str) -> None:
        self.say(Span(f"no drill: {clean(why)}", Tone.WARN))
        self.notify(clean(why), title="no drill", severity="warning", markup=False)


def drill_preview(snapshot: Snapshot, names: Sequence[str]) -> Preview:
    """What it would do, what it costs, and what it is worth."""
    lines = labelled("runs", ", ".join(names), tone=Tone.STRONG)
    only = next((one for one in snapshot.gates.drills if len(names) == 1 and one.name == names[0]), None)
    if only is not None and only.what:
        lines += labelled("does", only.what)
    lines += labelled("where", WHERE) + labelled("costs", COST) + labelled("worth", WORTH)
    is_live = snapshot.mode is Mode.LIVE
    if is_live:
        lines += labelled("refused", NOT_LIVE, tone=Tone.WARN)
    return Preview(tuple(lines), possible=not is_live)
