"""The `:` line: the command line's own verbs and parser, completion, history, errors in place."""

from __future__ import annotations

from pathlib import Path

import pytest

from cockpit.cli_adjust import Turn
from cockpit.exits import Exit
from cockpit.line_actions import VERBS, words_of
from cockpit.line_history import KEPT, LineHistory
from cockpit.shell_line import ELSEWHERE, LineError, candidates, every_command, parse
from engine.api import BrakeKind, CommandKind, Scope, ScopeKind
from tests.cockpit.conftest import OpenDesk
from tests.cockpit.recovering import RECOVERY_STATES
from tests.cockpit.scripted import HALTED, NORMAL, ORDERS


@pytest.mark.req("CARD-KEYS")
def test_every_command_that_acts_on_an_engine_is_a_verb_of_the_line_and_no_other() -> None:
    commands = every_command()
    acting = {path for path in commands if ELSEWHERE.isdisjoint((path, path.split()[0]))}

    assert acting == set(VERBS)
    named = {*commands, *(path.split()[0] for path in commands)}
    assert named >= ELSEWHERE, "a command that is gone"


@pytest.mark.parametrize(
    ("line", "verb", "values"),
    [
        ("pause --symbol spy --reason 'news at two'", "pause", {"symbol": "spy", "reason": "news at two"}),
        ("move-stop TSLA 446.5", "move-stop", {"symbol": "TSLA", "price": 446.5, "yes": False}),
        ("partial TSLA", "partial", {"share": 50.0}),
        ("strategy cross off", "strategy", {"turn": Turn.OFF}),
        ("orphans adopt r1 r2 --stop 512.4", "orphans adopt", {"rows": ["r1", "r2"], "stop": 512.4}),
        ("orphans", "orphans", {}),
        ("note all is well", "note", {"words": ["all", "is", "well"]}),
    ],
)
def test_a_line_is_read_as_the_command_line_reads_it(line: str, verb: str, values: dict[str, object]) -> None:
    typed = parse(line)

    assert typed.verb == verb
    assert values.items() <= typed.values.items()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "begins with a verb"),
        ("--live", "begins with a verb"),
        ("flaten SPY", "No such command"),
        ("move-stop TSLA", "Missing argument"),
        ("move-stop TSLA much", "should be a valid number"),
        ("resume", "Missing option"),
        ("pause --wrong", "No such option"),
        ("note 'half", "close the quotes"),
        ("report", "in a shell"),
        ("pause --help", "in a shell shows its help"),
        ("pause --state elsewhere", "belongs to a shell"),
        ("drill", "say which"),
    ],
)
def test_a_line_that_cannot_be_done_says_why_and_prints_nothing(
    line: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(LineError, match=words):
        parse(line)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("pa", ("pause", "partial")),
        ("orphans not", ("not-sent",)),
        ("flatten T", ("TSLA",)),
        ("pause --sy", ("--symbol",)),
        ("pause --symbol nv", ("NVDA",)),
        ("move-stop TSLA ", ()),
        ("strategy stocks_cross o", ("on", "off")),
        ("set risk_per", ("risk.risk_per_trade_pct",)),
        ("cancel ", tuple(o.order_ref for o in ORDERS if o.is_ours and not o.is_done)),
    ],
)
def test_what_may_follow_is_what_is_there_now(line: str, offered: tuple[str, ...]) -> None:
    found = candidates(line, verbs=tuple(VERBS), words_of=lambda name: words_of(NORMAL, name))

    assert found == offered


def test_history_is_kept_bounded_without_accounts_and_without_what_a_terminal_obeys(tmp_path: Path) -> None:
    path = tmp_path / "line_history"
    history = LineHistory(path)
    for number in range(KEPT + 5):
        history.add(f"ack {number}")
    for line in ("ack 100", "resume --reason x --account DU1", "  ", "x" * 301, "note a\x1b[31m\nb"):
        history.add(line)

    again = LineHistory(path).lines
    assert (len(again), again[-2:]) == (KEPT, ("ack 100", "note a [31m b"))
    assert not [line for line in again if "DU1" in line]
    assert path.stat().st_mode & 0o777 == 0o600

    path.write_bytes(b"pause\n\xff\x1b[2J\nhalt\n")
    assert LineHistory(path).lines == ("pause", "halt")


def test_a_history_that_cannot_be_written_is_kept_in_memory(tmp_path: Path) -> None:
    history = LineHistory(tmp_path / "missing" / "line_history")
    history.add("pause")

    assert history.lines == ("pause",)


@pytest.mark.req("CARD-KEYS")
async def test_a_typed_verb_goes_the_way_of_its_key(open_desk: OpenDesk, tmp_path: Path) -> None:
    async with open_desk(history=tmp_path / "line_history") as desk:
        await desk.press("colon")
        await desk.type("pause --symbol tsla")
        await desk.press("enter")
        assert (desk.last.kind, desk.last.scope) == (CommandKind.PAUSE, Scope(ScopeKind.SYMBOL, "TSLA"))

        await desk.press("colon", "up")
        await desk.press("enter")
        assert desk.kinds == [CommandKind.PAUSE, CommandKind.PAUSE]

        await desk.press("colon")
        await desk.type("fl")
        await desk.press("tab")
        await desk.type("ts")
        await desk.press("tab", "enter")
        assert len(desk.kinds) == 2, "it asks, as the key does"
        await desk.press("y")
        assert (desk.last.kind, desk.last.target) == (CommandKind.FLATTEN, "TSLA")


async def test_a_wrong_line_stays_to_be_mended_with_the_reason_below(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("colon")
        await desk.type("ack x")
        await desk.press("enter")
        assert "should be a valid" in desk.text("text")
        assert desk.kinds == []

        await desk.press("backspace")
        await desk.type("3")
        await desk.press("enter")
        assert (desk.last.kind, desk.last.target) == (CommandKind.ACKNOWLEDGE, "3")


@pytest.mark.parametrize(
    ("line", "kind", "then"),
    [
        ("halt", CommandKind.HALT, []),
        ("partial tsla 30", CommandKind.PARTIAL, ["enter"]),
        ("note stay small", CommandKind.NOTE, []),
        ("strategy stocks_cross off", CommandKind.SWITCH, []),
        ("regime bear", CommandKind.REGIME, ["enter"]),
        ("drill kill", CommandKind.DRILL, []),
        ("flatten --all", CommandKind.FLATTEN, ["y"]),
        (f"cancel {ORDERS[0].order_ref.lower()}", CommandKind.CANCEL_ORDER, ["y"]),
        ("set max_positions 1", CommandKind.SET_VALUE, []),
        ("move-stop TSLA 446", CommandKind.MOVE_STOP, []),
        ("kill --symbol TSLA", CommandKind.HALT, ["escape"]),
    ],
)
async def test_each_verb_sends_its_command(
    open_desk: OpenDesk, line: str, kind: CommandKind, then: list[str]
) -> None:
    async with open_desk() as desk:
        desk.app.do(parse(line))
        await desk.pilot.pause()
        await desk.press(*then)

        assert desk.kinds == [kind]


async def test_a_resume_from_the_line_brings_its_reason_and_asks_the_rest(open_desk: OpenDesk) -> None:
    async with open_desk(HALTED) as desk:
        assert HALTED.brakes[0].kind is not BrakeKind.PAUSE
        desk.app.do(parse("resume --reason calm"))
        await desk.pilot.pause()
        await desk.press("enter")
        await desk.type(HALTED.account)
        await desk.press("enter")

        assert (desk.last.kind, desk.last.reason, desk.last.typed) == (
            CommandKind.RESUME,
            "calm",
            HALTED.account,
        )


async def test_orphans_are_marked_and_sent_only_after_their_preview(open_desk: OpenDesk) -> None:
    waiting = RECOVERY_STATES["orphans"]
    row = waiting.recovery.open_rows[0]
    async with open_desk(waiting) as desk:
        desk.app.do(parse(f"orphans close {row.symbol.lower()}"))
        await desk.pilot.pause()

        assert desk.kinds == []
        assert desk.app.recovery_screen is not None
        desk.app.do(parse("orphans close nowhere"))
        assert "no row nowhere waits" in desk.status


@pytest.mark.parametrize(
    ("line", "how"), [("stop --keep", Exit.STOP_KEEP), ("stop --flatten", Exit.STOP_FLATTEN)]
)
async def test_a_stop_that_says_how_leaves_so(open_desk: OpenDesk, line: str, how: Exit) -> None:
    async with open_desk() as desk:
        desk.app.do(parse(line))
        await desk.pilot.pause()

        assert desk.app.return_value is how
