"""Notes: the operator's words in the record, on one line, without what a terminal could obey."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.api import CommandKind
from tests.runtime.test_commands import commanded
from tests.virtual_time import virtual


@virtual
async def test_a_note_is_a_line_of_the_record_with_who_and_about_what(tmp_path: Path) -> None:
    async with commanded(tmp_path) as it:
        text = "  fed at two,\n\x1b[31mstay small\t"
        outcome = await it.give(CommandKind.NOTE, reason=text, target="SPY", who="shell uid 7")

        assert outcome.status == "done"
        (event,) = [e for e in it.here.desk.notices.events if e.kind == "note"]
        assert (event.symbol, event.text) == ("SPY", "note by shell uid 7: fed at two, [31mstay small")


@virtual
@pytest.mark.parametrize(
    ("reason", "target", "code"),
    [(" \n ", "", "needs_reason"), ("x" * 501, "", "out_of_bounds"), ("words", "NOPE", "wrong_target")],
)
async def test_a_note_that_cannot_be_kept_writes_nothing(
    tmp_path: Path, reason: str, target: str, code: str
) -> None:
    async with commanded(tmp_path) as it:
        assert (await it.give(CommandKind.NOTE, reason=reason, target=target)).code == code
        assert not [e for e in it.here.desk.notices.events if e.kind == "note"]
