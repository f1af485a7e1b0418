"""Pictures of every screen in every state that an operator meets, at three sizes; and what they must say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from pytest_textual_snapshot import SVGImageExtension
from syrupy import SnapshotAssertion

from cockpit.frame import Frame, condition_words
from cockpit.panels.header import money_line
from cockpit.panels.health_page import page_lines
from cockpit.panels.pnl import PnlPanel, pnl_line
from cockpit.panels.positions import positions_title
from cockpit.spans import text_of
from tests.cockpit.conftest import OpenDesk, make_app
from tests.cockpit.painting import unpainted
from tests.cockpit.scripted import NOW, ScriptedHandle, position, unanswered
from tests.cockpit.test_snapshots import SIZES, settled
from tests.cockpit.whole import WHOLE, WHOLE_STATES

SCREENS = {
    "orders": "2",
    "setups": "3",
    "model": "5",
    "health": "6",
    "alerts": "7",
    "recovery": "O",
    "drills": "D",
}
"""Screens and the keys that open them; the cockpit itself has pictures of its own."""
SEEN_LARGE = ("normal", "disconnected")
CASES = [(state, size) for size in SIZES for state in WHOLE_STATES if size == SIZES[0] or state in SEEN_LARGE]


@pytest.mark.req("CARD-SNAPSHOT", "FUT-QA-UI-3")
@pytest.mark.parametrize(("state", "size"), CASES, ids=[f"{state}-{w}x{h}" for state, (w, h) in CASES])
async def test_every_page(snapshot: SnapshotAssertion, state: str, size: tuple[int, int]) -> None:
    """One app is shown every screen: putting up an app costs more than all its pictures."""
    pictures = snapshot.use_extension(SVGImageExtension)
    engine = ScriptedHandle(WHOLE_STATES[state])
    engine.answer = unanswered
    app = make_app(engine)
    changed = []
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        for screen, key in SCREENS.items():
            with unpainted():
                await pilot.press(key)
                await pilot.pause()
            if pictures(name=f"{screen}-{state}-{size[0]}x{size[1]}") != app.export_screenshot():
                changed.append(screen)
            with unpainted():
                await pilot.press("escape")

    assert changed == []


@pytest.mark.parametrize("key", [key for key in SCREENS.values() if key not in {"6", "O"}])
async def test_a_page_over_the_header_says_what_the_header_would(open_desk: OpenDesk, key: str) -> None:
    async with open_desk(WHOLE, size=(80, 24)) as desk:
        await desk.press(key)
        box = desk.app.screen.query_one("#dialog")
        assert str(box.border_title).endswith(" · live")

        calm = WHOLE_STATES["braked"]
        await desk.publish(brakes=calm.brakes, data_age_s=7.4, as_of=NOW - timedelta(seconds=2))
        assert str(box.border_title).endswith(" · HALTED · stale data 7.4 s · 2 s old")

        await desk.publish(connected=False, as_of=NOW - timedelta(seconds=24))
        assert str(box.border_title).endswith(" · ENGINE SILENT 24 s · DISCONNECTED · HALTED")
        assert box.has_class("-troubled")


async def test_a_question_over_the_header_says_when_its_figures_may_be_old(open_desk: OpenDesk) -> None:
    async with open_desk(WHOLE, size=(80, 24)) as desk:
        await desk.press("f")
        box = desk.app.screen.query_one("#dialog")
        assert "DISCONNECTED" not in str(box.border_title)

        await desk.publish(connected=False)
        assert str(box.border_title).endswith(" · DISCONNECTED")


def test_sums_are_as_old_as_the_oldest_mark_they_are_made_of() -> None:
    old = replace(WHOLE, positions=(position(quote_age_s=0.1), position("NVDA", quote_age_s=41.0)))
    unknown = replace(WHOLE, positions=(position(quote_age_s=None),))

    for snapshot, age in ((old, "41 s old"), (unknown, "—"), (WHOLE, "live")):
        frame = Frame(snapshot, NOW)
        assert positions_title(frame, in_sight="", width=160).endswith(f" · {age}")
        assert PnlPanel().title_of(frame).endswith(f" · {age}")
        assert text_of(pnl_line(frame)).endswith(f" · {age}")


def test_health_that_nobody_looked_at_is_not_called_well() -> None:
    nobody = Frame(replace(WHOLE, health=()), NOW)

    assert "health —" in text_of(money_line(nobody, width=120))
    assert "the engine has not looked yet" in text_of(page_lines(nobody, width=80)[0])


def test_a_silent_engine_has_no_age_of_its_own_beside_its_silence() -> None:
    assert condition_words(Frame(WHOLE, NOW + timedelta(seconds=90))) == ["ENGINE SILENT 1:30"]
