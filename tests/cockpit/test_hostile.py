"""Hostile text in every field that comes from outside, on every screen: read, and nothing else."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import fields, replace

import pytest
from rich.cells import cell_len
from rich.console import Console
from textual.screen import ModalScreen
from textual.strip import Strip

from cockpit.app import CockpitApp
from cockpit.format import clean
from cockpit.messages import OutcomeArrived
from cockpit.screens.line import completed
from cockpit.screens.page import PageDialog
from cockpit.spans import cells_of, pad
from engine.api import AlertView, Command, CommandKind, EngineState, Level, Outcome, OutcomeStatus, Snapshot
from engine.api_handle import Departure
from tests.cockpit.conftest import Desk, OpenDesk
from tests.cockpit.hostile import CORPUS, FAMILIES, dealt, poisoned
from tests.cockpit.recovering import ORPHANS
from tests.cockpit.scripted import ago
from tests.cockpit.whole import WHOLE, WHOLE_STATES

SIZE = (100, 30)
TURNS = len(FAMILIES)
"""Turns after which every field has had a text of every family."""
FEW_TURNS = 2
PAGES = ("1", "2", "3", "4", "5", "6", "7")
QUESTIONS = (
    "f",
    "F",
    "r",
    "p",
    "s",
    "e",
    "i",
    "q",
    "colon",
    "question_mark",
    "enter",
    "ctrl+p",
    "M",
    "plus",
    "D",
)
_COLOURS = re.compile("\x1b\\[[0-9;]*m")
BUSY = replace(
    WHOLE,
    brakes=WHOLE_STATES["braked"].brakes,
    alerts=(
        *WHOLE.alerts,
        AlertView(
            9, Level.CRITICAL, "unknown_order", "TSLA", "an order's fate is unknown", ago(3), to_do="look"
        ),
    ),
    summary=("a day",),
    connected=False,
    engine_state=EngineState.BLOCKED,
    state_reason="the line is down",
)
"""Every line that the screens have for trouble, too."""


def hostile(snapshot: Snapshot, turn: int) -> Snapshot:
    """The snapshot, as new, with hostile text everywhere."""
    return replace(poisoned(snapshot, dealt(turn)), seq=snapshot.seq + turn + 1)


def unfit(app: CockpitApp) -> list[str]:
    """What of the picture a terminal would obey, or could not show in its width."""
    found: list[str] = []
    for row in app.screen._compositor.render_strips():
        text = "".join(segment.text for segment in row)
        if not text.isprintable() or cell_len(text) > SIZE[0]:
            found.append(repr(text))
        # A click on a span runs the action that it names.
        found += [repr(segment.text) for segment in row if segment.style and "@click" in segment.style.meta]
    return found


def bytes_of(app: CockpitApp) -> str:
    """What the terminal gets for one whole picture, without its colours."""
    console = Console(color_system="truecolor", force_terminal=True, width=SIZE[0])
    strips = app.screen._compositor.render_strips()
    return _COLOURS.sub("", "".join(Strip(row).render(console) for row in strips))


async def shown(desk: Desk, snapshot: Snapshot, turns: int) -> list[str]:
    """What is unfit on the present screen while the engine publishes turn after turn."""
    found: list[str] = []
    for turn in range(turns):
        here = hostile(snapshot, turn)
        await desk.publish(**{one.name: getattr(here, one.name) for one in fields(here) if one.name != "seq"})
        found += unfit(desk.app)
    return found


def test_there_is_a_corpus_and_every_field_gets_a_text_of_every_family() -> None:
    assert len(set(CORPUS)) >= 200

    seen = [list(_texts(hostile(BUSY, turn))) for turn in range(TURNS)]
    for place in range(len(seen[0])):
        got = {text for turn in seen for text in turn[place : place + 1]}
        assert sum(1 for family in FAMILIES if got & set(family)) >= TURNS - 2


def _texts(value: object) -> Iterator[str]:
    for one in fields(value):  # type: ignore[arg-type]  # a dataclass
        inner = getattr(value, one.name)
        if type(inner) is str and one.name != "time_zone":
            yield inner


def test_whatever_it_is_a_line_of_it_is_clean_and_as_wide_as_it_is_counted() -> None:
    for text in CORPUS:
        bare = clean(text)
        assert bare.isprintable()
        assert cells_of(text) == cell_len(bare)
        assert clean(bare) == bare
        for width in (1, 7, 40):
            assert cell_len(pad(text, width=width)) == width


async def test_hostile_text_on_every_screen_is_shown_as_text_and_does_nothing(open_desk: OpenDesk) -> None:
    async with open_desk(WHOLE, size=SIZE) as desk:
        for key in PAGES:
            await desk.press(key)
            assert (key, await shown(desk, BUSY, TURNS)) == (key, [])
            assert bytes_of(desk.app).isprintable()
            await desk.press("escape")

        assert set(desk.kinds) == {CommandKind.WATCH}, "screen 4 says where it looks, and that is all"


async def test_hostile_text_in_every_question_is_shown_as_text_and_does_nothing(open_desk: OpenDesk) -> None:
    async with open_desk(hostile(BUSY, 5), size=SIZE) as desk:
        for key in QUESTIONS:
            # So that there is something to ask about.
            await desk.publish(positions=BUSY.positions, runtime=BUSY.runtime)
            await desk.press(key)
            assert isinstance(desk.app.screen, ModalScreen), key
            assert (key, await shown(desk, BUSY, FEW_TURNS)) == (key, [])
            await desk.press("escape")

        assert set(desk.kinds) <= {CommandKind.LOOK_BACK}, "a question to the engine at most"


async def test_the_kill_and_resume_questions_and_recovery_are_as_safe(open_desk: OpenDesk) -> None:
    async with open_desk(ORPHANS, size=SIZE) as desk:
        assert await shown(desk, ORPHANS, TURNS) == []
        await desk.press("asterisk", "e")
        assert await shown(desk, ORPHANS, FEW_TURNS) == []
        await desk.press("escape", "K")
        assert await shown(desk, ORPHANS, FEW_TURNS) == []
        await desk.press("escape", "R")
        assert await shown(desk, BUSY, FEW_TURNS) == []

        assert set(desk.kinds) == {CommandKind.HALT}, "the kill key halts; nothing else was asked for"


async def test_what_the_engine_answers_is_text_too(open_desk: OpenDesk) -> None:
    async with open_desk(WHOLE, size=SIZE) as desk:
        for turn, text in enumerate(family[0] for family in FAMILIES):
            desk.app.on_outcome_arrived(
                OutcomeArrived(
                    Command(f"c{turn}", CommandKind.NOTE, target=text),
                    Outcome(f"c{turn}", OutcomeStatus.REFUSED, text, text, (text,)),
                )
            )
            await desk.pilot.pause()
            assert unfit(desk.app) == []
            desk.app.clear_notifications()


async def test_a_digest_of_hostile_news_is_text(open_desk: OpenDesk) -> None:
    left = Departure(ago(4000.0), ago(4000.0), 0, 100.0, (("TSLA", 50), ("\x1b[2JX", 3)), (), ())
    async with open_desk(hostile(BUSY, 3), size=SIZE, left=left) as desk:
        assert isinstance(desk.app.screen, PageDialog)
        assert unfit(desk.app) == []


@pytest.mark.parametrize("name", [family[3] for family in FAMILIES], ids=repr)
def test_a_completed_name_stays_one_word(name: str) -> None:
    line = completed("flatten ", (name,))

    assert line.isprintable()
    assert shlex.split(line) == ["flatten", clean(name)]


def test_names_that_begin_alike_are_completed_as_far_as_they_are_alike() -> None:
    assert completed("flatten t", ("TSLA", "TSM")) == "flatten TS"
    assert completed("flatten ts", ("TSLA",)) == "flatten TSLA "
