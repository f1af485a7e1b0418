"""Calendars in the store: what is written is read, and made anew takes the place of what was."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import pytest

from engine.market.sessions import Calendar
from engine.runtime.sessions.maker import MakerError, made_elsewhere, read, written
from engine.store.sessions import put_calendars, stored_calendars
from tests.store.building import opened

NAMES = ("NYSE", "CMEGlobex_Grains")
FIRST, LAST = date(2026, 11, 16), date(2026, 11, 30)


@pytest.fixture(scope="module")
def made() -> dict[str, Calendar]:
    """Two calendars, made as the engine makes them: in a process of its own."""
    return made_elsewhere(NAMES, FIRST, LAST, environ={"SECRET_TOKEN": "x"})


@pytest.mark.req("FUT-F7")
async def test_calendars_made_elsewhere_read_back_the_same_from_the_store(
    made: dict[str, Calendar], tmp_path: Path
) -> None:
    early = {day.day: day.close for day in made["NYSE"].days}[date(2026, 11, 27)]
    assert (early.hour, date(2026, 11, 26) in {day.day for day in made["NYSE"].days}) == (18, False)
    assert any(len(day.parts) == 2 for day in made["CMEGlobex_Grains"].days)

    async with opened(tmp_path / "cockpit.db") as store:
        await store.run(lambda conn: put_calendars(conn, made.values()))
        shorter = Calendar("NYSE", made["NYSE"].days[:3])
        await store.run(lambda conn: put_calendars(conn, (shorter,)))
    async with opened(tmp_path / "cockpit.db") as store:
        found = await store.read(stored_calendars)

    assert found["NYSE"].days == made["NYSE"].days[:3]
    assert found["CMEGlobex_Grains"].days == made["CMEGlobex_Grains"].days


@pytest.mark.parametrize(
    ("program", "said"), [("/bin/false", "it ended with code 1"), ("/no/such", "No such")]
)
def test_a_maker_that_fails_says_why(monkeypatch: pytest.MonkeyPatch, program: str, said: str) -> None:
    monkeypatch.setattr(sys, "executable", program)
    with pytest.raises(MakerError, match=said):
        made_elsewhere(NAMES, FIRST, LAST, environ={})


@pytest.mark.parametrize("text", ["", "[]", '{"NYSE": [3]}', '{"NYSE": [["2026-13-01", []]]}'])
def test_what_is_no_calendar_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(text)


def test_what_is_written_is_read(made: dict[str, Calendar]) -> None:
    assert {name: c.days for name, c in read(written(made.values())).items()} == {
        name: c.days for name, c in made.items()
    }
