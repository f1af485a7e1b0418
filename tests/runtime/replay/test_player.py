"""A past session played: its clock, what each moment shows, and that nothing in it can act."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from cockpit.replaying import ReplayApp
from cockpit.settings import UiSettings
from cockpit.spans import text_of
from engine.api import CommandKind, EngineState, Level, OutcomeStatus
from engine.api_handle import ONLY_LOOKS
from engine.domain.market import Bar, Quote
from engine.runtime.keeping.recorder import SessionLog
from engine.runtime.process.errors import UsageError
from engine.runtime.replay.player import Player
from engine.runtime.replay.timeline import Timeline
from engine.runtime.shell.replay import list_sessions, player_of
from engine.store.events import append_events
from engine.store.recordings import Recording, recording, sessions
from engine.store.session_log import packed, terms_payload
from tests.builders import TEN
from tests.execution.rig import Rig, rig
from tests.runtime.engines import command
from tests.virtual_time import pass_time, virtual


class Clock:
    """Real time that only the test moves."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


async def _trade(here: Rig) -> None:
    """An entry, its close four minutes later, an alert in between; and the record of what was told."""
    log = SessionLog()
    here.desk.notices.on_event(log.told)
    log.add(TEN, "session", "", {"mode": "PAPER", "held": {}, "orders": []})
    log.add(TEN, "terms", "SPY", terms_payload(here.spy))
    quotes = [
        Quote("SPY", 100 + n / 10, 100.02 + n / 10, 5, 5, 100.0, 1, TEN.timestamp() + n) for n in range(300)
    ]
    bars = [
        Bar("SPY", TEN + timedelta(seconds=5 * (n + 1)), 100.0 + n, 101.0 + n, 99.0 + n, 100.5 + n, 10)
        for n in range(60)
    ]
    log.add(TEN + timedelta(seconds=300), "tape", "", packed(quotes, bars))
    here.desk.notices.event(Level.INFO, "engine", "READY")
    await pass_time(5.0)
    await here.enter(100)
    await pass_time(60.0)
    here.desk.notices.raise_alert(Level.ERROR, "stale_quote", "no quote for 40 s", symbol="SPY")
    await pass_time(180.0)
    await here.close()
    await pass_time(10.0)
    await here.store.run(lambda conn: append_events(conn, tuple(log.waiting), boot_id=here.store.boot_id))


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder with one session in it."""
    folder = tmp_path_factory.mktemp("state")
    (folder / "embedded-DU1").mkdir()

    @virtual
    async def session() -> None:
        async with rig(folder / "embedded-DU1") as here:
            await _trade(here)

    session()
    return folder


@pytest.fixture
def past(state: Path) -> Recording:
    path = state / "embedded-DU1" / "cockpit.db"
    (only,) = sessions(path, limit=10)
    return recording(path, only.run.boot_id)


def test_time_passes_at_the_chosen_speed_and_stands_while_paused(past: Recording) -> None:
    clock = Clock()
    player = Player(Timeline(past), speed=10.0, monotonic=clock)
    began = player.snapshot().session.now

    clock.s = 2.0
    assert player.snapshot().session.now - began == timedelta(seconds=20)
    player.toggle()
    clock.s = 60.0
    assert player.snapshot().session.now - began == timedelta(seconds=20)
    assert player.standing == "‖ ×10"
    player.faster(20)
    player.toggle()
    clock.s = 60.1
    assert player.standing == "▶ ×1000"
    assert player.snapshot().session.now - began == timedelta(seconds=120)
    clock.s = 100.0
    player.snapshot()
    assert player.standing == "■ end"


def test_each_moment_shows_what_was_held_then_at_the_prices_of_then(past: Recording) -> None:
    player = Player(Timeline(past), monotonic=Clock())
    assert player.snapshot().positions == ()

    assert player.next_trade()
    shown = player.snapshot()
    (position,) = shown.positions
    assert (position.symbol, position.quantity, position.protected_quantity) == ("SPY", 100, 100)
    assert position.last == pytest.approx(100.51, abs=0.2)
    assert shown.engine_state is EngineState.READY
    assert shown.pnl.unrealized_usd is not None

    assert player.next_alert()
    assert [alert for alert in player.snapshot().events if "no quote for 40 s" in alert.text]
    assert player.next_trade()
    assert not player.next_trade()
    player.step(9)
    flat = player.snapshot()
    assert flat.positions == ()
    assert len(flat.fills) == 2
    assert flat.pnl.day_usd == pytest.approx((flat.pnl.realized_usd or 0.0) - (flat.pnl.fees_usd or 0.0))


def test_a_market_that_is_looked_at_has_the_bars_of_then_and_says_what_was_not_recorded(
    past: Recording,
) -> None:
    clock = Clock()
    player = Player(Timeline(past), monotonic=clock)
    assert player.snapshot().markets == ()

    looked = player.submit(command(CommandKind.WATCH, target="SPY", value=20.0)).result()
    assert looked.status is OutcomeStatus.DONE
    clock.s = 42.0
    (market,) = player.snapshot().markets
    assert [bar.volume for bar in market.bars] == [40, 40]
    assert market.bars[-1].close == 107.5
    assert (market.book_text, market.tape_text) == ("not recorded", "not recorded")
    assert market.quote_age_s is not None
    assert market.bid is not None

    clock.s = 47.0
    assert len(player.snapshot().markets[0].bars) == 3
    player.submit(command(CommandKind.WATCH))
    assert player.snapshot().markets == ()


def test_going_back_shows_the_same_as_going_there(past: Recording) -> None:
    there, back = Timeline(past), Timeline(past)
    back.move_to(back.end)
    for at in range(int(there.begin), int(there.end), 7):
        there.move_to(at)
        assert there.books.digest == _standing_at(back, at)


def _standing_at(timeline: Timeline, at: float) -> str:
    timeline.move_to(timeline.end)
    timeline.move_to(at)
    return timeline.books.digest


@pytest.mark.parametrize("kind", [kind for kind in CommandKind if kind not in ONLY_LOOKS])
def test_no_command_can_act(past: Recording, kind: CommandKind) -> None:
    outcome = Player(Timeline(past)).submit(command(kind)).result(0)

    assert outcome.status is OutcomeStatus.REFUSED
    assert "replay" in outcome.text


def test_sessions_are_listed_and_named_by_number_date_or_run(state: Path) -> None:
    told: list[str] = []

    assert list_sessions(state, "", say=told.append) == 0
    run = told[1].split()[-1] if told[1].split()[-1] != "running)" else told[1].split()[6]
    for name in ("1", "2026-11-20", run):
        assert player_of(state, "", name, speed=1.0).snapshot().account == "DU1"
    for name, speed in (("7", 1.0), ("1", 0.5)):
        with pytest.raises(UsageError):
            player_of(state, "", name, speed=speed)


async def test_the_screen_says_replay_moves_by_its_keys_and_sends_nothing(state: Path) -> None:
    player = player_of(state, "", "1", speed=1.0)
    app = ReplayApp(player, settings=UiSettings(freeze_gc=False))
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("n", "full_stop", "full_stop")
        await pilot.pause()
        header = "\n".join(text_of(line) for line in app.cockpit.query_one("#header").lines)  # type: ignore[attr-defined]
        assert "REPLAY PAPER" in header
        assert "‖ ×1 2026-11-20" in header
        assert app.frame.snapshot.positions
        await pilot.press("p", "H", "K", "T")
        await pilot.pause()
        assert app.screen is app.cockpit
        assert "nothing can act" in "".join(text_of(line) for line in app.cockpit.status.lines)
        await pilot.press("q")
    assert app.return_value is not None
