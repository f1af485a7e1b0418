"""The recovery screen by key: when it opens, what each key sends, and that nothing goes before a preview."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.widgets import Button

from cockpit.screens.cockpit import CockpitScreen
from cockpit.screens.dialog import AskDialog
from cockpit.screens.kill import KillDialog
from cockpit.screens.recovery import RecoveryScreen
from cockpit.widgets.lines_view import LinesView
from engine.api import CommandKind, EngineState, Outcome, OutcomeStatus
from engine.api_recovery import FOREIGN_OWNER, RecoveryChoice, RecoveryView, Settlement
from tests.cockpit.conftest import Desk, OpenDesk
from tests.cockpit.recovering import (
    ADOPT,
    AGREED,
    AMZN,
    CANCEL,
    CLOSE,
    FOREIGN,
    META,
    NOT_SENT,
    ORPHANS,
    REPORT,
    SETTLED,
    STRANGE,
    TSLA,
    UNKNOWN,
    UNVERIFIED,
    row,
)
from tests.cockpit.scripted import NORMAL, order, position, refused, unanswered
from tests.waiting import eventually_async

HOSTILE = "[@click=app.bell]X[/] \x1b[31mred\x1b]0;title\x07 \u202egnp.exe\x00"


def painted(desk: Desk) -> str:
    """Every character on the screen."""
    return "".join(segment.text for strip in desk.app.screen._compositor.render_strips() for segment in strip)


def lines(desk: Desk, name: str) -> str:
    """The lines of a widget of the recovery screen."""
    shown = desk.app.recovery_screen
    assert shown is not None
    return "\n".join(
        "".join(span.text for span in line) for line in shown.query_one(f"#{name}", LinesView).lines
    )


@pytest.mark.req("CARD-ORPHANS", "REQ-ARCH-003")
async def test_it_opens_by_itself_where_something_waits_and_says_how_the_run_before_ended(
    open_desk: OpenDesk,
) -> None:
    async with open_desk(ORPHANS, size=(80, 24)) as desk:
        assert isinstance(desk.app.screen, RecoveryScreen)
        text = painted(desk)

        for words in ("ORPHANS 3", "META", "30 short", "20 long", "SELL 100", "without its goodbye"):
            assert words in text
        assert "Entries are blocked until 3 rows are settled" in lines(desk, "intro")
        assert "? adopt with a stop at 512.40" in text
        assert desk.engine.commands == [], "looking sends nothing"


@pytest.mark.req("CARD-ORPHANS")
async def test_it_does_not_open_where_nothing_waits(open_desk: OpenDesk) -> None:
    for quiet in (NORMAL, AGREED, SETTLED):
        async with open_desk(quiet) as desk:
            assert isinstance(desk.app.screen, CockpitScreen)


@pytest.mark.req("CARD-ORPHANS")
async def test_it_opens_when_a_later_comparison_finds_something(open_desk: OpenDesk) -> None:
    async with open_desk(NORMAL) as desk:
        await desk.publish(engine_state=EngineState.ORPHANS, recovery=RecoveryView(rows=(META,)))

        assert isinstance(desk.app.screen, RecoveryScreen)


@pytest.mark.req("CARD-ORPHANS")
async def test_once_left_it_comes_back_by_key_or_for_new_rows_only(open_desk: OpenDesk) -> None:
    async with open_desk(ORPHANS) as desk:
        await desk.press("escape")
        await desk.publish()
        assert isinstance(desk.app.screen, CockpitScreen), "the same rows do not open it again"
        assert "3 rows wait for your decision, entries are blocked · O recovery" in desk.text("header")

        await desk.press("O")
        assert isinstance(desk.app.screen, RecoveryScreen)
        await desk.press("1")
        assert isinstance(desk.app.screen, CockpitScreen)

        later = row("KO", row_id="position 8894", stamp="k1")
        await desk.publish(recovery=replace(ORPHANS.recovery, rows=(later, *ORPHANS.recovery.rows)))
        assert isinstance(desk.app.screen, RecoveryScreen)


@pytest.mark.req("CARD-ORPHANS")
async def test_it_never_covers_a_dialog_in_which_somebody_types(open_desk: OpenDesk) -> None:
    async with open_desk(replace(NORMAL, brakes=())) as desk:
        await desk.press("r", "enter")
        await desk.publish(engine_state=EngineState.ORPHANS, recovery=RecoveryView(rows=(META,)))
        await desk.type("0.4")
        assert isinstance(desk.app.screen, AskDialog)

        await desk.press("escape", "escape")
        await desk.publish()
        assert isinstance(desk.app.screen, RecoveryScreen)


@pytest.mark.req("CARD-ORPHANS", "REQ-ARCH-003")
@pytest.mark.parametrize(
    ("place", "key", "choice"),
    [
        (0, "a", ADOPT),
        (0, "c", CLOSE),
        (1, "o", FOREIGN),
        (2, "x", CANCEL),
        (2, "o", FOREIGN),
        (3, "n", NOT_SENT),
    ],
)
async def test_each_key_gives_its_settlement_and_only_after_the_preview(
    open_desk: OpenDesk, place: int, key: str, choice: RecoveryChoice
) -> None:
    rows = (META, AMZN, STRANGE, UNKNOWN, TSLA)
    async with open_desk(replace(ORPHANS, recovery=replace(ORPHANS.recovery, rows=rows))) as desk:
        await desk.press(*["down"] * place, key)
        assert desk.engine.commands == [], "choosing marks only"

        await desk.press("enter")
        assert isinstance(desk.app.screen, AskDialog)
        assert desk.app.focused is desk.app.screen.query_one("#cancel", Button)
        assert desk.engine.commands == []
        await desk.press("enter")
        assert desk.engine.commands == [], "Cancel has the focus"

        await desk.press("enter", "y")
        assert desk.kinds == [CommandKind.SETTLE]
        assert desk.last.settlements == (Settlement(rows[place].row_id, choice, rows[place].stamp),)
        assert desk.last.confirmed


@pytest.mark.req("CARD-ORPHANS")
async def test_all_are_settled_at_once_with_star(open_desk: OpenDesk) -> None:
    async with open_desk(ORPHANS) as desk:
        await desk.press("asterisk", "c", "down", "down", "x", "enter", "y")

        assert [(item.row_id, item.choice) for item in desk.last.settlements] == [
            (META.row_id, CLOSE),
            (AMZN.row_id, CLOSE),
            (STRANGE.row_id, CANCEL),
        ]


@pytest.mark.req("CARD-ORPHANS")
async def test_the_space_key_selects_and_a_choice_goes_to_what_is_selected(open_desk: OpenDesk) -> None:
    async with open_desk(ORPHANS) as desk:
        await desk.press("space", "space", "o", "enter", "y")

        assert [item.row_id for item in desk.last.settlements] == [META.row_id, AMZN.row_id]


@pytest.mark.req("CARD-ORPHANS")
async def test_the_preview_names_side_size_stop_and_cost_of_everything(open_desk: OpenDesk) -> None:
    async with open_desk(ORPHANS, size=(80, 24)) as desk:
        await desk.press("a", "down", "c", "down", "x", "enter")
        text = desk.text("text")

        assert "BUY 30 STP 512.40 GTC" in text
        assert "if it is hit: −326.40 from the present 501.52" in text
        assert "SELL 20 MKT ≈ 182.79, can only reduce" in text
        assert "books ≈ +34.20" in text
        assert "SPY SELL 100 LMT 519.00 GTC" in text
        assert "nothing waits any more" in text

        await desk.press("escape", "up", "c", "enter")
        assert "1 undecided: entries stay blocked" in desk.text("text")


@pytest.mark.req("CARD-ORPHANS")
async def test_the_buttons_of_a_long_preview_stay_on_a_small_screen(open_desk: OpenDesk) -> None:
    many = tuple(row(f"SYM{n}", row_id=f"position {n}", stamp=str(n)) for n in range(12))
    async with open_desk(
        replace(ORPHANS, recovery=replace(ORPHANS.recovery, rows=many)), size=(80, 24)
    ) as desk:
        await desk.press("asterisk", "c", "enter")
        for name in ("#cancel", "#yes"):
            region = desk.app.screen.query_one(name).region
            assert 0 < region.bottom <= 24
        top = painted(desk)
        assert "SYM0" in top

        await desk.press("pagedown", "pagedown", "pagedown", "pagedown")
        assert "SYM11" in painted(desk)


@pytest.mark.req("CARD-ORPHANS", "REQ-ARCH-003")
async def test_a_typed_stop_is_checked_and_goes_with_the_adoption(open_desk: OpenDesk) -> None:
    async with open_desk(ORPHANS) as desk:
        await desk.press("s")
        await desk.type("480")
        assert "must lie above 501.52" in desk.text("text")
        await desk.press("enter")
        assert isinstance(desk.app.screen, AskDialog), "a stop on the wrong side is not taken"

        await desk.press(*["backspace"] * 3)
        await desk.type("515.5")
        await desk.press("enter")
        assert isinstance(desk.app.screen, RecoveryScreen)
        assert "→ ADOPT stop 515.50" in painted(desk)

        await desk.press("enter", "y")
        assert desk.last.settlements == (Settlement(META.row_id, ADOPT, "m1", 515.5),)


@pytest.mark.req("CARD-ORPHANS")
async def test_a_stop_between_two_steps_of_the_grid_is_not_taken(open_desk: OpenDesk) -> None:
    coarse = replace(META, tick=0.05)
    async with open_desk(replace(ORPHANS, recovery=RecoveryView(rows=(coarse,)))) as desk:
        await desk.press("s")
        assert "in steps of 0.05" in desk.text("text")
        await desk.type("515.52")
        assert "META trades in steps of 0.05: 515.50 or 515.55" in desk.text("text")
        await desk.press("enter")
        assert isinstance(desk.app.screen, AskDialog), "it is not taken"


@pytest.mark.req("CARD-ORPHANS")
async def test_what_was_wrong_with_a_choice_goes_with_the_screen(open_desk: OpenDesk) -> None:
    async with open_desk(ORPHANS) as desk:
        await desk.press("enter")
        assert "nothing is chosen yet" in desk.status

        await desk.press("escape")
        assert "nothing is chosen yet" not in desk.status
        await desk.press("O")
        assert "nothing is chosen yet" not in desk.status


async def test_only_what_can_be_adopted_gets_a_stop(open_desk: OpenDesk) -> None:
    async with open_desk(ORPHANS) as desk:
        await desk.press("down", "down", "s")

        assert isinstance(desk.app.screen, RecoveryScreen)
        assert "only a position that can be adopted gets a stop" in desk.status


@pytest.mark.req("CARD-ORPHANS")
async def test_what_a_row_does_not_offer_says_why_not(open_desk: OpenDesk) -> None:
    async with open_desk(ORPHANS) as desk:
        await desk.press("x")
        assert "META: 'cancel the order' is not offered here" in desk.status

        await desk.press("enter")
        assert "nothing is chosen yet" in desk.status
        assert desk.engine.commands == []


@pytest.mark.req("CARD-ORPHANS")
async def test_a_world_that_changes_under_the_preview_forbids_it(open_desk: OpenDesk) -> None:
    async with open_desk(ORPHANS) as desk:
        await desk.press("c", "enter")
        changed = replace(META, broker=-20.0, broker_text="20 short", stamp="m2")
        await desk.publish(recovery=replace(ORPHANS.recovery, rows=(changed, *ORPHANS.recovery.rows[1:])))
        await desk.press("y")

        assert desk.engine.commands == []
        assert "no longer what you decided about" in desk.text("text")
        await desk.press("escape")
        assert "META changed since you chose" in desk.status
        assert "→" not in painted(desk)


@pytest.mark.req("CARD-ORPHANS")
async def test_an_engine_that_refuses_says_so_and_the_rows_can_be_chosen_again(open_desk: OpenDesk) -> None:
    async with open_desk(ORPHANS) as desk:
        desk.engine.answer = refused
        await desk.press("c", "enter", "y")

        assert "Nothing was done" in lines(desk, "result")
        assert "settle refused" in desk.status
        await desk.press("c", "enter", "y")
        assert desk.kinds == [CommandKind.SETTLE] * 2


@pytest.mark.req("CARD-ORPHANS")
async def test_the_outcome_is_told_per_row_and_settled_rows_are_ticked(open_desk: OpenDesk) -> None:
    async with open_desk(ORPHANS) as desk:
        desk.engine.answer = unanswered
        await desk.press("asterisk", "c", "enter", "y")
        await desk.publish(recovery=replace(ORPHANS.recovery, settling=True))
        assert "being carried out" in lines(desk, "intro")
        await desk.press("c", "enter")
        assert len(desk.engine.commands) == 1, "not while the first decisions are carried out"

        told = ("META: BUY 30 filled @ 501.60", "AMZN: SELL 20 filled @ 182.70")
        outcome = Outcome(desk.last.command_id, OutcomeStatus.DONE, "", "2 settled", told)
        desk.engine.futures[-1].set_result(outcome)
        await desk.pilot.pause()
        assert "✓ META: BUY 30 filled @ 501.60" in lines(desk, "result")

        await desk.publish(
            engine_state=EngineState.READY, recovery=SETTLED.recovery, entries_text="entries on"
        )
        assert "Nothing waits for you" in " ".join(lines(desk, "intro").split())
        assert "adopted, stop at 512.40" in painted(desk)


@pytest.mark.req("CARD-ORPHANS", "REQ-ARCH-003")
async def test_abort_asks_first(open_desk: OpenDesk) -> None:
    async with open_desk(ORPHANS) as desk:
        await desk.press("A")
        assert "exit code 4" in desk.text("text")
        assert "nothing: no order, no cancel" in desk.text("text")
        await desk.press("enter")
        assert desk.engine.commands == [], "Cancel has the focus"

        await desk.press("A", "y")
        assert desk.kinds == [CommandKind.ABORT]


@pytest.mark.req("CARD-KILL")
async def test_halt_and_kill_act_on_the_recovery_screen_and_over_its_preview(open_desk: OpenDesk) -> None:
    async with open_desk(ORPHANS) as desk:
        await desk.press("H")
        await desk.press("c", "enter", "H")
        assert desk.kinds == [CommandKind.HALT] * 2

        await desk.press("K")
        assert isinstance(desk.app.screen, KillDialog)
        assert "META −30 (orphan)" in desk.text("text")
        assert desk.app.recovery_screen is not None, "after it, recovery is still there"


async def test_pause_help_palette_and_leave_work_there_too(open_desk: OpenDesk) -> None:
    async with open_desk(ORPHANS) as desk:
        await desk.press("p")
        assert desk.kinds == [CommandKind.PAUSE]
        for key in ("question_mark", "q", "ctrl+p"):
            await desk.press(key)
            assert len(desk.app.screen_stack) == 3
            await desk.press("escape")
            assert isinstance(desk.app.screen, RecoveryScreen)

        await desk.press("ctrl+p")
        await desk.type("leave as for")
        await desk.press("down", "enter")
        await desk.pilot.pause()
        assert "→ LEAVE AS FOREIGN" in painted(desk)


async def test_the_evidence_page_has_everything_that_is_known(open_desk: OpenDesk) -> None:
    async with open_desk(ORPHANS) as desk:
        await desk.press("e")
        text = " ".join(desk.text("text").split())

        for words in (*META.evidence, META.row_id, META.stamp, "2 × ATR(14)"):
            assert words in text


async def test_leaving_and_coming_back_keeps_what_was_chosen(open_desk: OpenDesk) -> None:
    async with open_desk(ORPHANS) as desk:
        await desk.press("c", "escape", "O")

        assert "→ CLOSE" in painted(desk)


async def test_one_who_only_watches_settles_nothing(open_desk: OpenDesk) -> None:
    async with open_desk(ORPHANS, acting=False) as desk:
        await desk.press("c", "enter", "y", "A", "y")

        assert desk.engine.commands == []
        assert "only watches" in desk.status


@pytest.mark.req("CARD-ORPHANS")
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (160, 45)])
async def test_hostile_text_is_shown_as_text_without_control_characters(
    open_desk: OpenDesk, size: tuple[int, int]
) -> None:
    nasty = row(
        HOSTILE,
        ours_text=HOSTILE,
        broker_text=HOSTILE,
        difference=HOSTILE,
        last_order=HOSTILE,
        proposal=HOSTILE,
        stop_text=HOSTILE,
        evidence=(HOSTILE,),
        row_id=HOSTILE,
        stamp=HOSTILE,
    )
    recovery = RecoveryView(rows=(nasty,), report=(HOSTILE,))
    async with open_desk(
        replace(ORPHANS, recovery=recovery, positions=(position(HOSTILE),)), size=size
    ) as desk:
        for keys in (["a"], ["enter"], ["y"], ["s"], ["escape", "e"], ["escape", "x"], ["A"], ["escape"]):
            await desk.press(*keys)
            text = painted(desk)
            assert not {"\x1b", "\x07", "\u202e", "\x00"} & set(text)
            assert "[@click=app.bell]X" in text
            for box in desk.app.screen.query("#dialog"):
                assert "@click" not in str(box.border_title).replace("\\[@click", ""), "a title is text, too"


@pytest.mark.req("RECOVERY-LOG-1")
async def test_after_a_restart_at_which_all_agrees_the_report_is_read_on_the_cockpit_screen(
    open_desk: OpenDesk,
) -> None:
    async with open_desk(AGREED) as desk:
        # Its lines come with its size, which the first layout gives it.
        await eventually_async(lambda: bool(desk.text("report")), why="the report never got its lines")
        for line in REPORT[:4]:
            assert line in desk.text("report")
        assert desk.app.cockpit.report.display

        await desk.press("escape")
        assert not desk.app.cockpit.report.display
        await desk.publish()
        assert not desk.app.cockpit.report.display, "dismissed is dismissed"

        await desk.press("O")
        assert REPORT[0] in lines(desk, "report")


async def test_the_report_gives_way_to_what_waits(open_desk: OpenDesk) -> None:
    async with open_desk(ORPHANS) as desk:
        await desk.press("escape")

        assert not desk.app.cockpit.report.display


@pytest.mark.req("REQ-ARCH-003")
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_without_a_broker_positions_say_that_they_are_not_verified(
    open_desk: OpenDesk, size: tuple[int, int]
) -> None:
    async with open_desk(UNVERIFIED, size=size) as desk:
        assert "READ ONLY · no broker · 4 positions not verified" in desk.text("header")
        text = painted(desk)
        assert text.count("? UNVERIFIED") == 4
        assert "4 UNVERIFIED" in str(desk.app.cockpit.positions.border_title)


async def test_what_was_left_alone_is_called_foreign_and_is_never_closed(open_desk: OpenDesk) -> None:
    foreign = replace(
        NORMAL,
        positions=(
            position(
                "META",
                quantity=-30,
                owner=FOREIGN_OWNER,
                is_foreign=True,
                protected_quantity=0,
                stop_price=None,
            ),
        ),
        orders=(order("SPY", is_ours=False, strategy=FOREIGN_OWNER, order_ref="", role=""),),
    )
    async with open_desk(foreign) as desk:
        text = painted(desk)
        assert "foreign" in text
        assert "NO STOP" not in text

        await desk.press("f")
        assert "META (foreign): left alone" in desk.text("text")
        await desk.press("y", "escape")
        assert desk.engine.commands == []

        await desk.press("F")
        assert "nothing of ours to close" in desk.text("text")
