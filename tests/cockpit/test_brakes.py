"""Pause, halt, kill and resume from the keyboard: what is sent, when, and what is asked first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.widgets import Button

from cockpit.screens.kill import KillDialog
from cockpit.spans import Tone
from engine.api import BrakeKind, CommandKind, Outcome, OutcomeStatus, Scope, ScopeKind
from tests.cockpit.conftest import Desk, OpenDesk
from tests.cockpit.scripted import (
    HALTED,
    NORMAL,
    NOW,
    ORDERS,
    PAUSED,
    POSITIONS,
    brake,
    order,
    refused,
    unanswered,
)


@pytest.mark.req("CARD-PAUSE")
async def test_p_pauses_at_once_without_a_question(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("p")

        assert desk.kinds == [CommandKind.PAUSE]
        assert desk.last.scope == Scope()


@pytest.mark.req("CARD-PAUSE")
async def test_p_on_a_paused_account_asks_for_a_reason_before_it_resumes(open_desk: OpenDesk) -> None:
    async with open_desk(PAUSED) as desk:
        await desk.press("p")
        assert desk.kinds == []
        assert "news at 10:30" in desk.text("text")

        await desk.press("enter")
        assert desk.kinds == [], "enter without a reason does nothing"

        await desk.type("spreads are fine")
        await desk.press("enter")

        assert desk.kinds == [CommandKind.RESUME]
        assert (desk.last.reason, desk.last.typed) == ("spreads are fine", "")


async def test_resume_without_a_reason_is_not_sent(open_desk: OpenDesk) -> None:
    async with open_desk(PAUSED) as desk:
        await desk.press("p", "enter", "y")

        assert desk.kinds == []


@pytest.mark.req("CARD-KILL")
async def test_after_a_halt_resume_takes_the_typed_account_id(open_desk: OpenDesk) -> None:
    async with open_desk(HALTED) as desk:
        await desk.press("p")
        await desk.type("looked at it")
        await desk.press("tab")
        await desk.type("du9999999")
        await desk.press("enter")
        assert desk.kinds == [], "the wrong account id resumes nothing"

        await desk.press(*["backspace"] * 9)
        await desk.type("du9000001")
        await desk.press("enter")

        assert desk.kinds == [CommandKind.RESUME]
        assert desk.last.typed == "DU9000001"


async def test_resume_preview_that_no_longer_holds_sends_nothing(open_desk: OpenDesk) -> None:
    async with open_desk(PAUSED) as desk:
        await desk.press("p")
        await desk.type("fine")

        await desk.publish(brakes=())
        await desk.press("enter")

        assert desk.kinds == []
        assert "no brake is on" in desk.text("text")


async def test_capital_r_lifts_a_scoped_brake(open_desk: OpenDesk) -> None:
    scope = Scope(ScopeKind.SYMBOL, "TSLA")
    async with open_desk(NORMAL) as desk:
        await desk.publish(brakes=(brake(BrakeKind.PAUSE, scope=scope),))
        await desk.press("R")
        await desk.type("split is through")
        await desk.press("enter")

        assert desk.last.kind is CommandKind.RESUME
        assert desk.last.scope == scope


@pytest.mark.req("CARD-KILL")
@pytest.mark.parametrize("opener", ["", "question_mark", "q", "f", "x", "r", "F", "ctrl+p", "enter"])
async def test_halt_acts_at_once_from_every_screen_and_dialog(open_desk: OpenDesk, opener: str) -> None:
    async with open_desk() as desk:
        if opener:
            await desk.press(opener)
            assert len(desk.app.screen_stack) > 1
        await desk.press("H")

        assert desk.kinds == [CommandKind.HALT]


@pytest.mark.req("CARD-KILL")
async def test_halt_acts_while_a_reason_is_typed(open_desk: OpenDesk) -> None:
    async with open_desk(PAUSED) as desk:
        await desk.press("p", "a", "H")

        assert desk.kinds == [CommandKind.HALT]


@pytest.mark.req("CARD-KILL")
@pytest.mark.parametrize("opener", ["", "question_mark", "q", "r", "ctrl+p"])
async def test_kill_halts_at_once_from_everywhere_and_then_asks(open_desk: OpenDesk, opener: str) -> None:
    async with open_desk() as desk:
        if opener:
            await desk.press(opener)
        await desk.press("K")

        assert desk.kinds == [CommandKind.HALT]
        assert isinstance(desk.app.screen, KillDialog)


@pytest.mark.req("CARD-KILL")
async def test_escape_from_the_kill_question_stays_halted_and_flattens_nothing(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("K", "escape")

        assert desk.kinds == [CommandKind.HALT]
        assert len(desk.app.screen_stack) == 1


@pytest.mark.req("CARD-KILL")
async def test_kill_takes_the_word_and_then_shows_outcome_and_proof(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        desk.engine.answer = unanswered
        await desk.press("K")
        await desk.type("FLATTE")
        await desk.press("enter")
        assert desk.kinds == [CommandKind.HALT], "half a word kills nothing"

        await desk.type("N")
        await desk.press("enter")
        assert desk.kinds == [CommandKind.HALT, CommandKind.KILL]
        assert (desk.last.confirmed, desk.last.typed) == (True, "FLATTEN")
        assert "requested" in desk.text("text")
        assert "cancelling and closing" in desk.text("text")
        assert "proof" not in desk.text("text")

        await desk.publish(positions=(), orders=(), brakes=(brake(BrakeKind.KILL),))
        assert "watching for late fills" in desk.text("text")

        proof = "PROVEN FLAT 10:03:41 ET, watched 10 s"
        closing = order(
            role="flatten",
            order_ref="ck-9001-TSLA-77-flatten",
            order_type="MKT",
            perm_id=77,
            price=None,
            filled=50,
            status="filled",
            at=NOW,
            is_done=True,
            avg_fill_price=447.88,
        )
        await desk.publish(positions=(), orders=(closing,), brakes=(brake(BrakeKind.KILL, proof=proof),))
        details = ("TSLA: closed by ck-9001-TSLA-77-flatten",)
        desk.engine.futures[-1].set_result(
            Outcome(desk.last.command_id, OutcomeStatus.DONE, "", proof, details=details)
        )
        await desk.pilot.pause()
        shown = desk.text("text")
        assert "SELL 50 MKT · filled 50/50 @ 447.88 · 10:03:27" in shown
        assert "perm 77 · ck-9001-TSLA-77-flatten" in shown
        assert shown.count("TSLA-77") == 1, "what the order's line tells is not told again"
        assert "none of ours left" in shown
        assert shown.count(proof) == 1
        assert Tone.GAIN in desk.tones("text")


async def test_a_kill_that_proves_nothing_is_loud_and_names_what_stays(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        desk.engine.answer = unanswered
        await desk.press("K")
        await desk.type("FLATTEN")
        await desk.press("enter")
        proof = "NOT PROVEN 10:03:41 ET: NVDA: 30 left"
        await desk.publish(brakes=(brake(BrakeKind.KILL, proof=proof),))
        assert "✗ NOT PROVEN" in desk.text("text")

        details = ("NVDA: cancel refused (10148)",)
        desk.engine.futures[-1].set_result(
            Outcome(desk.last.command_id, OutcomeStatus.FAILED, "not_flat", proof, details=details)
        )
        await desk.pilot.pause()

        assert "cancel refused (10148)" in desk.text("text")
        assert desk.text("text").count("NOT PROVEN") == 1
        assert "[not_flat]" in desk.text("text")
        assert Tone.ALARM in desk.tones("text")


async def _killed_while_shut(desk: Desk) -> None:
    await desk.press("K")
    await desk.type("FLATTEN")
    await desk.press("enter")
    proof = "NOT FLAT 17:03:41 ET: TSLA: -50 left (its market is shut until Mon 09:30 ET; its stop stays)"
    desk.engine.futures[-1].set_result(
        Outcome(desk.last.command_id, OutcomeStatus.FAILED, "session_closed", proof)
    )
    await desk.pilot.pause()


@pytest.mark.req("CARD-KILL")
async def test_a_shut_market_is_asked_about_and_the_answer_is_sent_once(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        desk.engine.answer = unanswered
        await _killed_while_shut(desk)
        button = desk.app.screen.query_one("#yes", Button)
        assert (button.display, str(button.label)) == (True, "Flatten at the open")
        assert not button.has_focus, "enter alone closes the dialog and asks for nothing"

        button.press()
        await desk.pilot.pause()

        assert (desk.last.kind, desk.last.target) == (CommandKind.AT_OPEN, "yes")
        assert not button.display


async def test_a_shut_market_with_no_answer_asks_for_nothing(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        desk.engine.answer = unanswered
        await _killed_while_shut(desk)
        await desk.press("enter")

        assert desk.kinds[-1] is CommandKind.KILL


async def test_kill_preview_follows_the_account_while_it_asks(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("K")
        assert "TSLA −50 ≈ 447.90" in desk.text("text")

        await desk.publish(positions=POSITIONS[1:], orders=ORDERS[1:])

        assert "TSLA" not in desk.text("text")
        assert "NVDA −30 ≈ 726.10" in desk.text("text")


async def test_a_refused_wish_is_said_with_its_code_and_nothing_is_shown_as_done(open_desk: OpenDesk) -> None:
    async with open_desk(PAUSED) as desk:
        desk.engine.answer = refused
        await desk.press("p")
        await desk.type("go on")
        await desk.press("enter")

        assert "resume refused" in desk.status
        assert "unknown_order" in desk.status
        assert "PAUSED" in desk.text("header")


async def test_a_wish_without_an_answer_yet_is_shown_as_requested_only(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        desk.engine.answer = unanswered
        await desk.press("H")

        assert desk.status == "requested halt"
        assert "HALTED" not in desk.text("header")


@pytest.mark.req("CARD-KILL")
async def test_a_kill_says_all_that_the_halt_before_it_says(open_desk: OpenDesk) -> None:
    scoped = brake(BrakeKind.HALT, scope=Scope(ScopeKind.SYMBOL, "TSLA"))
    brakes = (brake(BrakeKind.HALT), brake(BrakeKind.KILL, proof="PROVEN FLAT"), scoped)
    async with open_desk(replace(NORMAL, brakes=brakes)) as desk:
        header = desk.text("header")

        assert "KILLED account" in header
        assert "HALTED account" not in header
        assert "HALTED symbol TSLA" in header, "another scope is another brake"
