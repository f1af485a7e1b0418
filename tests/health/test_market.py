"""Verdicts on the way to the market: data, entitlement, halts, margin, the gateway's restart, calendar."""

from __future__ import annotations

import math

import pytest

from engine.domain.reasons import Reason
from engine.health.market import (
    Calendar,
    DataAges,
    LinkPulse,
    Margins,
    judge_calendar,
    judge_data,
    judge_entitlement,
    judge_halts,
    judge_link,
    judge_margin,
    judge_model,
    judge_restart,
)
from engine.health.restart import Restart
from engine.health.verdicts import State


def test_a_line_that_is_down_says_what_is_done_about_it() -> None:
    down = judge_link(LinkPulse(False, "down · attempt 2 failed, tries again", None, 3.0))
    up = judge_link(LinkPulse(True, "up", 0.9, 3.0))

    assert (down.state, down.reason) == (State.BAD, Reason.LINK_DOWN)
    assert "attempt 2" in down.text
    assert (up.state, up.text, up.limit) == (State.OK, "rtt 0.9 ms", "silent 3 s")


@pytest.mark.parametrize(
    ("ages", "closed", "state", "text"),
    [
        ({"SPY": 0.2, "QQQ": 5.0}, 0, State.OK, "2 live, 0 stale"),
        ({"SPY": 0.2, "QQQ": 5.1}, 0, State.WARN, "1 live, 1 stale: QQQ"),
        ({"SPY": 9.0, "QQQ": 5.1}, 0, State.BAD, "no price of QQQ, SPY moved for 5 s"),
        ({"SPY": math.nan}, 0, State.BAD, "no price of SPY moved for 5 s"),
        ({"SPY": None}, 0, State.NOTE, "waiting for prices"),
        ({}, 2, State.NOTE, "0 live, 0 stale, 2 closed"),
        ({}, 0, State.NOTE, "nothing subscribed"),
    ],
)
def test_one_stale_symbol_is_named_and_only_all_of_them_block_everything(
    ages: dict[str, float | None], closed: int, state: State, text: str
) -> None:
    verdict = judge_data(DataAges(ages, closed), max_age_s=5.0)

    assert (verdict.state, verdict.text) == (state, text)


def test_what_comes_instead_of_real_time_prices_is_named_by_kind() -> None:
    verdict = judge_entitlement({"SPY": "delayed", "QQQ": "competing session", "AMD": "delayed"})

    assert verdict.state is State.WARN
    assert verdict.text == "competing session: QQQ; delayed: AMD, SPY"
    assert judge_entitlement({}).text == "real time"


@pytest.mark.req("REQ-EX1")
def test_halted_products_are_named_and_the_rest_counted() -> None:
    many = {f"S{n}": "halted" for n in range(6)}

    assert judge_halts({}).state is State.OK
    assert judge_halts({"SPY": "volatility halt"}).text == "SPY volatility halt"
    assert judge_halts(many).text.endswith("and 2 more")


@pytest.mark.parametrize(
    ("excess", "state"), [(980.0, State.OK), (190.0, State.WARN), (49.0, State.BAD), (math.nan, State.NOTE)]
)
def test_little_excess_liquidity_warns_and_none_blocks(excess: float, state: State) -> None:
    assert judge_margin(Margins(1000.0, excess, 4000.0), min_pct=5.0).state is state


def test_the_restart_is_counted_down_and_blocks_from_shortly_before() -> None:
    far = judge_restart(Restart(False, False, 3 * 3600 + 600, 0.0, 2 * 86_400 + 3600))
    near = judge_restart(Restart(False, True, 240.0, 0.0, 86_400.0))
    inside = judge_restart(Restart(True, False, 80_000.0, 600.0, 86_400.0))

    assert (far.state, far.text) == (State.OK, "restart in 3 h 10 m, login in 2 d 1 h")
    assert (near.state, near.reason) == (State.BAD, Reason.GATEWAY_RESTART)
    assert (inside.state, inside.text) == (State.BAD, "restart window, over in 10 m")
    assert judge_restart(None).state is State.NOTE


def test_a_market_that_is_shut_is_no_trouble_but_hours_that_nobody_knows_are() -> None:
    assert judge_calendar(Calendar((), True, 3600.0, None)).text == "open, closes in 1 h 0 m"
    assert judge_calendar(Calendar((), False, None, 40.0)).text == "closed, opens in 40 s"
    unknown = judge_calendar(Calendar(("ESZ6",), True, None, None))
    assert (unknown.state, unknown.text) == (State.WARN, "no session hours for ESZ6")


def test_without_a_model_there_is_nothing_to_judge() -> None:
    assert judge_model("no model yet").state is State.NOTE
