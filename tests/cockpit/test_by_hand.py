"""Acts by hand from the keyboard: a stop moved, a part taken, a note written."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual import events

from cockpit import by_hand_previews as words
from engine.api import CommandKind
from tests.cockpit.conftest import OpenDesk
from tests.cockpit.scripted import EMPTY, NORMAL, POSITIONS

TSLA = replace(POSITIONS[0], close_price=447.88, initial_stop=443.25)
SHORT = replace(POSITIONS[2], close_price=5802.00, initial_stop=5806.00)
HELD = replace(NORMAL, positions=(TSLA, *POSITIONS[1:]))


@pytest.mark.req("CARD-KEYS")
async def test_a_nearer_stop_is_sent_at_once(open_desk: OpenDesk) -> None:
    async with open_desk(HELD) as desk:
        await desk.press("s")
        assert "bid 447.88" in desk.text("text")
        await desk.type("446.5")
        assert "at once" in desk.text("text")
        await desk.press("enter")

        assert desk.kinds == [CommandKind.MOVE_STOP]
        assert (desk.last.target, desk.last.value, desk.last.confirmed) == ("TSLA", 446.5, False)


@pytest.mark.req("CARD-KEYS")
async def test_a_stop_further_away_shows_the_new_risk_and_cancel_has_the_focus(open_desk: OpenDesk) -> None:
    async with open_desk(HELD) as desk:
        await desk.press("s")
        await desk.type("441,25")
        assert "asks again" in desk.text("text")
        await desk.press("enter")
        assert desk.kinds == []
        assert "200.00 USD (2.0 R) lost" in desk.text("text").replace("\n", " ")

        await desk.press("enter")
        assert desk.kinds == [], "Cancel has the focus"

        await desk.press("s")
        await desk.type("441.25")
        await desk.press("enter", "y")
        assert desk.kinds == [CommandKind.MOVE_STOP]
        assert (desk.last.value, desk.last.seen, desk.last.confirmed) == (441.25, TSLA.stop_price, True)


async def test_a_stop_that_would_fill_at_once_is_not_sent(open_desk: OpenDesk) -> None:
    async with open_desk(HELD) as desk:
        await desk.press("s")
        await desk.type("448")
        assert "belongs under the bid 447.88" in desk.text("text")
        await desk.press("enter")
        assert desk.kinds == []


@pytest.mark.req("CARD-KEYS")
async def test_half_is_offered_and_another_share_may_be_typed(open_desk: OpenDesk) -> None:
    async with open_desk(HELD) as desk:
        await desk.press("e")
        assert "closes 25 of 50 at market" in desk.text("text")
        assert desk.kinds == []
        await desk.press("enter")
        assert (desk.last.kind, desk.last.target, desk.last.value) == (CommandKind.PARTIAL, "TSLA", 50.0)

        await desk.press("e")
        await desk.type("30%")
        assert "closes 15 of 50" in desk.text("text")
        await desk.press("enter")
        assert desk.last.value == 30.0


async def test_a_share_of_less_than_one_or_of_a_position_that_closed_sends_nothing(
    open_desk: OpenDesk,
) -> None:
    async with open_desk(HELD) as desk:
        await desk.press("down", "down", "e")
        assert "50 % of 1 is less than one" in desk.text("text")
        await desk.press("enter", "escape", "up", "up", "e")
        await desk.publish(positions=POSITIONS[1:])
        await desk.press("enter")
        assert desk.kinds == []
        assert "no position of ours" in desk.text("text")


@pytest.mark.parametrize("key", ["s", "e"])
async def test_with_nothing_held_there_is_nothing_to_ask(open_desk: OpenDesk, key: str) -> None:
    async with open_desk(EMPTY) as desk:
        await desk.press(key)
        assert desk.kinds == []
        assert "no position" in desk.status


async def test_a_note_is_sent_as_typed_and_needs_words(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("i", "enter")
        assert desk.kinds == []
        await desk.type("stay [b]small")
        await desk.press("enter")
        assert (desk.last.kind, desk.last.reason) == (CommandKind.NOTE, "stay [b]small")


async def test_halt_acts_in_a_field_but_pasted_capitals_are_text(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("i")
        desk.app.post_message(events.Paste("KO and HOOD: HALTED at two"))
        await desk.pilot.pause()
        assert desk.kinds == []
        await desk.press("enter")
        assert (desk.kinds, desk.last.reason) == ([CommandKind.NOTE], "KO and HOOD: HALTED at two")

        await desk.press("i", "a", "H")
        assert desk.last.kind is CommandKind.HALT, "one key, from every field"


async def test_where_halt_and_kill_have_other_keys_their_letters_are_letters(open_desk: OpenDesk) -> None:
    async with open_desk(keys={"halt": "f9", "kill": "f10"}) as desk:
        await desk.press("i", "H", "K", "enter")
        assert (desk.kinds, desk.last.reason) == ([CommandKind.NOTE], "HK")

        await desk.press("i", "x", "f9")
        assert desk.last.kind is CommandKind.HALT


@pytest.mark.parametrize(
    ("position", "price", "text"),
    [
        (TSLA, 441.25, "200.00 USD (2.0 R) lost"),
        (TSLA, 446.25, "50.00 USD (0.5 R) locked in"),
        (SHORT, 5808.00, "337.50 USD (1.4 R) lost"),
        (replace(TSLA, initial_stop=None), 441.25, "200.00 USD lost"),
    ],
)
def test_risk_at_a_stop_is_told_in_money_and_in_r(
    position: words.PositionView, price: float, text: str
) -> None:
    assert words.risk_text(position, price).startswith(text)


def test_the_right_side_and_what_loosens_follow_the_side_held() -> None:
    assert words.loosens(SHORT, 5810.0)
    assert not words.loosens(SHORT, 5804.0)
    assert "over the ask" in words.stop_complaint(SHORT, "5801")
    assert words.stop_complaint(SHORT, "5803") == ""
    assert "no price" in words.stop_complaint(SHORT, "nan")
