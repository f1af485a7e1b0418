"""A coroutine that begins at once: what happens before its first wait, and that its task does the rest."""

from __future__ import annotations

import asyncio

import pytest

from engine.execution.eager import begin
from tests.virtual_time import virtual


@virtual
async def test_what_needs_no_waiting_is_done_before_begin_returns_and_needs_no_task() -> None:
    done: list[str] = []

    async def work() -> None:
        done.append("all of it")

    assert begin(work()) is None
    assert done == ["all of it"]


@virtual
async def test_the_first_part_runs_at_once_and_the_rest_in_its_task_with_every_answer() -> None:
    loop = asyncio.get_running_loop()
    first: asyncio.Future[int] = loop.create_future()
    heard: list[object] = []

    async def work() -> None:
        heard.append("begun")
        heard.append(await first)
        await asyncio.sleep(0)
        async with asyncio.timeout(1.0):
            await asyncio.sleep(0.5)
        heard.append(asyncio.current_task())

    rest = begin(work())
    assert rest is not None
    assert heard == ["begun"]
    task = asyncio.create_task(rest)
    first.set_result(7)
    await task
    assert heard == ["begun", 7, task]


@virtual
async def test_an_error_before_the_first_wait_is_the_callers_and_one_after_it_the_tasks() -> None:
    async def fails(*, wait: bool) -> None:
        if wait:
            await asyncio.sleep(0.1)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        begin(fails(wait=False))
    rest = begin(fails(wait=True))
    assert rest is not None
    with pytest.raises(ValueError, match="no"):
        await rest


@virtual
async def test_a_cancelled_task_cancels_what_has_begun_and_its_clean_up_may_still_wait() -> None:
    seen: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60.0)
        except asyncio.CancelledError:
            await asyncio.sleep(0.1)
            seen.append("cleaned up")
            raise

    rest = begin(work())
    assert rest is not None
    task = asyncio.create_task(rest)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["cleaned up"]
