"""The market screen: which market, its chart, book and tape; who may be entered and why not."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from pytest_textual_snapshot import SVGImageExtension
from syrupy import SnapshotAssertion

from cockpit.app import CockpitApp
from cockpit.panels.chart import chart_lines, lines_of
from cockpit.panels.footer import FooterKeys
from cockpit.panels.ladder import ladder_lines, rungs
from cockpit.panels.market_list import about_line, market_rows
from cockpit.panels.tape import tape_lines
from cockpit.screens.cockpit import CockpitScreen
from cockpit.screens.market import MarketScreen
from cockpit.spans import text_of, width_of
from cockpit.widgets.lines_view import LinesView
from engine.api import CommandKind, Snapshot
from engine.api_market import BookLevel, MarketView
from tests.cockpit.conftest import Desk, OpenDesk, make_app
from tests.cockpit.looking import JUDGED, LOOKING, MARKETS, TOUCH_ONLY, TSLA
from tests.cockpit.painting import unpainted
from tests.cockpit.scripted import NORMAL, ScriptedHandle, order
from tests.cockpit.test_snapshots import SIZES, settled

BUYING = order("TSLA", side="BUY", quantity=40, order_type="LMT", price=447.85)


def shown(desk: Desk, name: str) -> str:
    """The lines of a panel of the screen."""
    panel = desk.app.screen.query_one(f"#{name}", LinesView)
    return "\n".join(text_of(line) for line in panel.lines)


def vars_of(snapshot: Snapshot) -> dict[str, Any]:
    """All of it but its number."""
    return {name.name: getattr(snapshot, name.name) for name in fields(snapshot) if name.name != "seq"}


def everything(app: CockpitApp) -> str:
    """What the whole screen shows, titles too."""
    screen = app.screen
    panels = [
        panel for panel in screen.query(LinesView) if panel.display and not isinstance(panel, FooterKeys)
    ]
    return "\n".join(
        [str(panel.border_title) for panel in panels]
        + [text_of(line) for panel in panels for line in panel.lines]
    )


def market(desk: Desk) -> MarketScreen:
    """The screen."""
    screen = desk.app.screen
    assert isinstance(screen, MarketScreen)
    return screen


SEEN_LARGE = ("normal", "disconnected")
"""At the largest size the others look alike."""
SAYS = {
    "normal": "spread 0.02",
    "empty": "no market to look at yet",
    "touch": "touch only: no depth line",
    "stale": "~ stale, 42 s",
    "unseen": "no data line",
    "halted": "HALTED",
    "disconnected": "no connection to the broker",
    "silent": "the engine is silent",
    "waiting": "waits for the engine to show it",
}


@pytest.mark.req("CARD-SNAPSHOT", "FUT-QA-UI-3")
@pytest.mark.parametrize("size", SIZES, ids=[f"{width}x{height}" for width, height in SIZES])
async def test_market_screen(snapshot: SnapshotAssertion, size: tuple[int, int]) -> None:
    """One app is shown every state: putting up an app costs more than all its pictures."""
    pictures = snapshot.use_extension(SVGImageExtension)
    engine = ScriptedHandle(LOOKING)
    app = make_app(engine)
    changed, missing = [], []
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        with unpainted():
            await pilot.press("4")
            await pilot.pause()
        for state, shown_state in MARKETS.items():
            with unpainted():
                engine.publish(**vars_of(shown_state))
                await pilot.pause()
            if SAYS[state].casefold() not in everything(app).casefold():
                missing.append(state)
            if size == SIZES[2] and state not in SEEN_LARGE:
                continue
            if pictures(name=f"{state}-{size[0]}x{size[1]}") != app.export_screenshot():
                changed.append(state)

    assert (changed, missing) == ([], [])


@pytest.mark.req("REQ-U1", "REQ-U3", "FUT-RISK-1", "FUT-QA-UI-5")
async def test_every_market_is_shown_with_reasons_regime_and_data_lines(open_desk: OpenDesk) -> None:
    async with open_desk(JUDGED, size=(200, 60)) as desk:
        await desk.press("4")

        assert [row.key for row in market(desk).markets.rows] == ["SPY", "ESZ6", "XYZ", "TINY"]
        words = shown(desk, "about")
        assert "SPY tier 1: may be entered" in words
        assert "factor 0.6" in words
        assert "4 of 4; without one: TINY, OLD" in words
        await desk.press("down")
        assert "tier 1: watched; no strategy trades it" in shown(desk, "about")
        await desk.press("end")
        assert "399,700 USD traded in 24 h, tier 3 asks 500,000 (min_volume)" in shown(desk, "about")


def test_before_anything_was_measured_it_says_so() -> None:
    assert "not looked at yet" in text_of(about_line(NORMAL, None, width=120))


async def test_it_begins_with_the_selected_position_and_tells_the_engine_where_it_looks(
    open_desk: OpenDesk,
) -> None:
    async with open_desk(LOOKING) as desk:
        await desk.press("down", "4")
        assert market(desk).markets.cursor_key == "NVDA"
        assert (desk.last.kind, desk.last.target, desk.last.value) == (CommandKind.WATCH, "NVDA", 20)

        await desk.press("up")
        assert (desk.last.target, desk.last.value) == ("TSLA", 20)
        await desk.press("right")
        assert (desk.last.target, desk.last.value) == ("TSLA", 60)
        await desk.press("left", "left", "left")
        assert (desk.last.target, desk.last.value) == ("TSLA", 5)
        await desk.press("escape")
        assert (desk.last.kind, desk.last.target) == (CommandKind.WATCH, "")
        assert isinstance(desk.app.screen, CockpitScreen)


async def test_it_says_again_where_it_looks_before_the_engine_forgets(open_desk: OpenDesk) -> None:
    async with open_desk(LOOKING) as desk:
        await desk.press("4")
        await desk.publish()
        assert desk.kinds.count(CommandKind.WATCH) == len({(c.target, c.value) for c in desk.engine.commands})
        said = len(desk.kinds)

        desk.times["monotonic"] += 6.0
        await desk.publish()

        assert desk.kinds[said:] == [CommandKind.WATCH]


@pytest.mark.req("CARD-KEYS")
async def test_halt_and_pause_work_from_it_and_enter_opens_the_details(open_desk: OpenDesk) -> None:
    async with open_desk(LOOKING) as desk:
        await desk.press("4", "H", "p", "enter")

        assert [kind for kind in desk.kinds if kind is not CommandKind.WATCH] == [
            CommandKind.HALT,
            CommandKind.PAUSE,
        ]
        assert "TSLA 50 @ 445.25" in desk.text("text")


async def test_a_market_is_found_by_a_part_of_its_symbol(open_desk: OpenDesk) -> None:
    async with open_desk(LOOKING) as desk:
        await desk.press("4", "slash")
        await desk.type("sp")
        assert [row.key for row in market(desk).markets.rows] == ["SPY"]
        await desk.press("enter")

        assert market(desk).markets.cursor_key == "SPY"
        assert len(market(desk).markets.rows) > 1
        assert (desk.last.kind, desk.last.target) == (CommandKind.WATCH, "SPY")


async def test_on_a_small_terminal_the_tape_takes_the_place_of_the_book(open_desk: OpenDesk) -> None:
    async with open_desk(LOOKING, size=(80, 24)) as desk:
        await desk.press("4")
        screen = market(desk)
        assert screen.query_one("#ladder").display
        assert not screen.query_one("#tape").display
        await desk.press("tab")
        assert not screen.query_one("#ladder").display
        assert "▲ buy" in shown(desk, "tape")


async def test_a_screen_that_only_watches_may_look_too(open_desk: OpenDesk) -> None:
    async with open_desk(LOOKING, acting=False) as desk:
        await desk.press("4")
        assert desk.kinds == [CommandKind.WATCH]


def test_what_is_held_comes_first_and_foreign_text_stays_text() -> None:
    rows = market_rows(LOOKING)
    assert [row.key for row in rows][:4] == [position.symbol for position in LOOKING.positions]
    assert not any("\x1b" in span.text for row in market_rows(JUDGED) for span in row.cells)


# --- the ladder ---------------------------------------------------------------------------------


def test_the_ladder_has_ten_levels_a_side_prices_falling_and_sums_rising() -> None:
    asks, bids = rungs(TSLA, (), levels=10)

    prices = [rung.price for rung in (*asks, *bids)]
    assert len(prices) == 20
    assert prices == sorted(prices, reverse=True)
    assert [rung.filled for rung in bids] == sorted(rung.filled for rung in bids)
    assert [rung.filled for rung in asks] == sorted((rung.filled for rung in asks), reverse=True)
    assert asks[0].filled == 1.0


def test_our_orders_stand_at_their_price_or_are_named_below() -> None:
    ours = (
        BUYING,
        order("TSLA"),
        replace(BUYING, price=447.88, quantity=9, is_done=True),
    )

    text = [text_of(line) for line in ladder_lines(TSLA, ours, width=39, height=30)]

    assert [line for line in text if "447.85" in line and "▲40" in line]
    assert text[-1].strip() == "▼50s at 442.30: out of sight"
    assert not [line for line in text if "▲9" in line]


def test_an_order_between_two_levels_gets_a_rung_of_its_own() -> None:
    gap = replace(TSLA, bids=(BookLevel(447.89, 100), BookLevel(447.80, 100)))
    _, bids = rungs(gap, (BUYING,), levels=10)
    assert [(rung.price, rung.own) for rung in bids] == [(447.89, ""), (447.85, "▲40"), (447.80, "")]


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (TOUCH_ONLY, "touch only: no depth line is free"),
        (replace(TSLA, bids=()), "no bids: a one-sided market"),
        (replace(TSLA, asks=(BookLevel(447.0, 1),)), "crossed"),
        (replace(TOUCH_ONLY, bid=None, ask=None), "no price yet"),
        (replace(TSLA, data_text="delayed: not live"), "delayed: not live"),
        (replace(TOUCH_ONLY, book_text="\x1b[31m[b]x"), "[31m[b]x"),
    ],
)
def test_what_the_book_lacks_is_said_in_words(view: MarketView, words: str) -> None:
    lines = ladder_lines(view, (), width=39, height=30)
    text = "\n".join(text_of(line) for line in lines)
    assert words in text
    assert "\x1b" not in text
    assert max(width_of(line) for line in lines) <= 39


def test_the_ladder_keeps_to_its_room() -> None:
    for height in range(1, 30):
        for width in range(34, 90, 7):
            lines = ladder_lines(TSLA, NORMAL.orders, width=width, height=height)
            assert len(lines) <= height
            assert max(width_of(line) for line in lines) <= width


# --- tape and chart -----------------------------------------------------------------------------


def test_the_tape_has_the_newest_trade_first_with_time_price_size_and_side() -> None:
    lines = tape_lines(TSLA, width=31, height=40, time_zone="America/New_York")
    assert len(lines) == 40
    assert text_of(lines[0]).split() == ["10:03:25", "447.91", "100", "▲", "buy"]
    for width in range(1, 40):
        assert all(
            width_of(line) <= max(width, 0)
            for line in tape_lines(TSLA, width=width, height=9, time_zone="UTC")
        )


def test_a_tape_without_trades_or_without_a_line_says_so() -> None:
    quiet = replace(TSLA, prints=())
    assert "no trade since you look" in text_of(tape_lines(quiet, width=40, height=5, time_zone="UTC")[0])
    assert "3 tapes" in text_of(tape_lines(TOUCH_ONLY, width=60, height=5, time_zone="UTC")[0])


def test_the_chart_names_average_stop_target_and_levels_and_marks_fills() -> None:
    text = "\n".join(text_of(line) for line in chart_lines(LOOKING, TSLA, width=90, height=30))
    for name in (
        "445.25 avg",
        "442.30 stop",
        "448.90 target",
        "447.90 last",
        "449.20 resist",
        "444.10 support",
    ):
        assert name in text
    assert "▲" in text


def test_a_chart_without_bars_says_why() -> None:
    empty = replace(TSLA, bars=())
    assert "no bar of 20 s yet" in text_of(chart_lines(LOOKING, empty, width=60, height=9)[0])


def test_a_market_that_is_not_held_has_neither_average_nor_stop() -> None:
    names = {line.name for line in lines_of(replace(LOOKING, positions=(), setups=()), TSLA)}
    assert names == {"last", "target"}


@pytest.mark.req("FUT-QA-UI-5")
async def test_while_the_engine_says_nothing_the_age_of_every_panel_grows(open_desk: OpenDesk) -> None:
    async with open_desk(MARKETS["silent"]) as desk:
        await desk.press("4")
        screen = market(desk)
        assert "the engine is silent for 12 s" in shown(desk, "chart")
        for name in ("chart", "ladder", "markets", "tape"):
            assert "old" in str(screen.query_one(f"#{name}").border_title) or "stale" in str(
                screen.query_one(f"#{name}").border_title
            )


async def test_the_same_market_in_other_bars_is_shown_until_the_engine_follows(open_desk: OpenDesk) -> None:
    async with open_desk(LOOKING) as desk:
        await desk.press("4", "right")
        assert desk.last.value == 60
        assert "spread 0.02" in shown(desk, "ladder")
