"""The alert of a HALT says what is true now, in words that come before the cut of a narrow screen."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.api import AlertView, Scope, ScopeKind
from engine.broker.port import LinkState
from engine.domain.order import Role
from tests.runtime.braking.braked import Braked, braked
from tests.virtual_time import pass_time, virtual

CUT = 80 - len(" ERROR ") - 1
"""What of an alert's text a screen of 80 columns shows."""


def _alert(it: Braked) -> AlertView:
    (found,) = [a for a in it.here.desk.notices.alerts if a.code == "halt"]
    return found


def _seen(it: Braked) -> str:
    return _alert(it).text[:CUT]


@virtual
@pytest.mark.req("CARD-KILL", "PS60-ALERTS")
async def test_a_halt_says_it_is_cancelling_and_then_that_it_is_done(tmp_path: Path) -> None:
    async with braked(tmp_path) as it:
        await it.here.enter(filled=0)
        it.here.broker.deaf_to_cancels_of = {Role.ENTRY}

        halting = asyncio.ensure_future(it.halt())
        await pass_time(0.05)
        assert "cancelling what adds risk" in _seen(it)

        it.here.broker.deaf_to_cancels_of = set()
        await halting
        assert "nothing that adds risk works" in _seen(it)


@virtual
async def test_a_halt_without_a_line_says_what_may_work_until_the_line_is_back(tmp_path: Path) -> None:
    async with braked(tmp_path) as it:
        await it.here.enter(filled=0)
        it.here.broker.link = it.here.desk.link = LinkState.BROKER_LOST

        await it.halt()
        assert "no line, 1 order may still work at the broker" in _seen(it)

        it.here.broker.link = it.here.desk.link = LinkState.UP
        await pass_time(3)
        assert "nothing that adds risk works" in _seen(it)


@virtual
async def test_a_cancel_that_the_broker_refuses_is_said_until_it_is_taken(tmp_path: Path) -> None:
    async with braked(tmp_path) as it:
        await it.here.enter(filled=0)
        it.here.broker.refuse_cancels_of = {Role.ENTRY}

        await it.halt()
        assert "1 order not proven gone, asked again" in _seen(it)

        it.here.broker.refuse_cancels_of = set()
        await pass_time(5)
        assert "nothing that adds risk works" in _seen(it)


@virtual
async def test_new_words_are_no_news_whoever_acknowledged_need_not_do_so_again(tmp_path: Path) -> None:
    async with braked(tmp_path) as it:
        await it.here.enter(filled=0)
        it.here.broker.refuse_cancels_of = {Role.ENTRY}
        await it.halt()
        before = _alert(it)
        it.here.desk.notices.acknowledge(before.alert_id)
        told: list[str] = []
        it.here.desk.notices.on_told(lambda alert, _why: told.append(alert.text))

        it.here.broker.refuse_cancels_of = set()
        await pass_time(5)

        after = _alert(it)
        assert (after.alert_id, after.acknowledged, after.count) == (before.alert_id, True, before.count)
        assert after.text != before.text
        assert not told


@virtual
async def test_of_several_halts_the_alert_speaks_of_the_latest(tmp_path: Path) -> None:
    async with braked(tmp_path) as it:
        await it.halt(scope=Scope(ScopeKind.STRATEGY, "s"))
        await pass_time(1)
        await it.halt()
        await pass_time(3)

        assert _seen(it).startswith("HALT of account:")
