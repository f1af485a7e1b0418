"""Pictures of every state at three sizes, and of the dialogs; a changed pixel of meaning fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from textual.pilot import Pilot

from cockpit.app import CockpitApp
from cockpit.exits import Exit
from cockpit.panels.header import Header
from engine.api_orders import OrderPreview
from tests.cockpit.conftest import make_app, shows_rows
from tests.cockpit.learning import MODEL_STATES
from tests.cockpit.recovering import RECOVERY_STATES
from tests.cockpit.scripted import HALTED, NORMAL, STATES, ScriptedHandle, done, unanswered
from tests.cockpit.test_ordering import GATE_PASSES, GATE_REFUSES
from tests.cockpit.test_setups import WATCHING
from tests.cockpit.test_trades import LET_THROUGH
from tests.waiting import eventually_async

Compare = Callable[..., bool]
SIZES = [(80, 24), (120, 40), (200, 60)]


def _name(value: object) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def still(state: str) -> CockpitApp:
    """The cockpit in a state, every clock still, the engine silent."""
    engine = ScriptedHandle({**STATES, **RECOVERY_STATES}[state])
    engine.answer = unanswered
    return make_app(engine)


async def settled(pilot: Pilot[Exit]) -> None:
    """Wait until the header has the height of its lines: then the layout has come to rest."""
    app = pilot.app
    assert isinstance(app, CockpitApp)
    header = app.cockpit.query_one(Header)
    await eventually_async(lambda: bool(header.lines) and len(header.lines) == header.size.height)
    await pilot.pause()


async def recovering(pilot: Pilot[Exit]) -> None:
    """Wait for the recovery screen, too: it opens by itself, and keys pressed before go to the cockpit."""
    await settled(pilot)
    app = pilot.app
    assert isinstance(app, CockpitApp)
    await eventually_async(lambda: shows_rows(app), why="the recovery screen never opened")
    await pilot.pause()


@pytest.mark.req("CARD-PANELS", "CARD-SNAPSHOT", "FUT-QA-UI-3")
@pytest.mark.parametrize("size", SIZES, ids=_name)
@pytest.mark.parametrize("state", STATES)
def test_state(snap_compare: Compare, state: str, size: tuple[int, int]) -> None:
    assert snap_compare(still(state), terminal_size=size, run_before=settled)


@pytest.mark.req("CARD-ORPHANS", "CARD-SNAPSHOT")
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (160, 45)], ids=_name)
@pytest.mark.parametrize(
    ("state", "keys"),
    [
        ("orphans", []),
        ("orphans", ["asterisk", "a", "down", "down", "x", "space"]),
        ("orphans", ["asterisk", "c", "enter"]),
        ("settled", ["O"]),
        ("agreed", ["O"]),
    ],
    ids=["waiting", "chosen", "preview", "settled", "agreed"],
)
def test_recovery(snap_compare: Compare, state: str, keys: list[str], size: tuple[int, int]) -> None:
    ready = recovering if state == "orphans" else settled
    assert snap_compare(still(state), terminal_size=size, press=keys, run_before=ready)


@pytest.mark.req("RECOVERY-LOG-1", "CARD-SNAPSHOT")
@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=_name)
@pytest.mark.parametrize("state", ["agreed", "first", "unverified"])
def test_start(snap_compare: Compare, state: str, size: tuple[int, int]) -> None:
    assert snap_compare(still(state), terminal_size=size, run_before=settled)


@pytest.mark.req("CARD-ORPHANS", "CARD-SNAPSHOT")
@pytest.mark.parametrize(
    ("name", "keys", "size"),
    [
        ("stop", ["s", "5"], (80, 24)),
        ("abort", ["A"], (80, 24)),
        ("evidence", ["e"], (120, 40)),
        ("left", ["escape"], (80, 24)),
        ("kill", ["K"], (120, 40)),
    ],
)
def test_recovery_dialog(snap_compare: Compare, name: str, keys: list[str], size: tuple[int, int]) -> None:
    assert name

    assert snap_compare(still("orphans"), terminal_size=size, press=keys, run_before=recovering)


@pytest.mark.req("CARD-SNAPSHOT")
@pytest.mark.parametrize(
    ("name", "state", "keys", "size"),
    [
        ("kill", "normal", ["K"], (120, 40)),
        ("kill_small", "normal", ["K"], (80, 24)),
        ("leave", "normal", ["q"], (80, 24)),
        ("help", "normal", ["question_mark"], (120, 40)),
        ("details", "normal", ["enter"], (120, 40)),
        ("resume", "halted", ["p"], (80, 24)),
        ("cancel", "normal", ["tab", "x"], (120, 40)),
        ("risk", "normal", ["r"], (120, 40)),
        ("health_small", "stale", ["tab", "tab", "tab"], (80, 24)),
        ("alerts_small", "disconnected", ["7"], (80, 24)),
        ("alerts", "disconnected", ["7"], (160, 45)),
        ("move_stop", "normal", ["s", "4", "4", "1"], (80, 24)),
        ("loosen", "normal", ["s", "4", "4", "1", "enter"], (80, 24)),
        ("partial", "normal", ["e"], (80, 24)),
        ("note", "normal", ["i", *"stay"], (80, 24)),
        ("line", "normal", ["colon"], (80, 24)),
        ("line_wrong", "normal", ["colon", *"ack", "space", "x", "enter"], (80, 24)),
        ("order", "normal", ["b", "tab", "tab", *"0.6x"], (80, 24)),
    ],
)
def test_dialog(snap_compare: Compare, name: str, state: str, keys: list[str], size: tuple[int, int]) -> None:
    assert name

    assert snap_compare(still(state), terminal_size=size, press=keys)


@pytest.mark.parametrize(
    ("state", "keys", "size"),
    [("normal", ["2"], (160, 45)), ("normal", ["2", "slash"], (80, 24))],
)
def test_orders(snap_compare: Compare, state: str, keys: list[str], size: tuple[int, int]) -> None:
    assert snap_compare(still(state), terminal_size=size, press=keys, run_before=settled)


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
def test_setups(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = make_app(ScriptedHandle(WATCHING))

    assert snap_compare(app, terminal_size=size, press=["3"], run_before=settled)


@pytest.mark.req("247-PIPE")
@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
def test_last_cycle(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = make_app(ScriptedHandle(WATCHING))

    assert snap_compare(app, terminal_size=size, press=["3", "enter"], run_before=settled)


@pytest.mark.req("FUT-QA-UI-2", "CARD-SNAPSHOT")
@pytest.mark.parametrize(
    ("state", "size"),
    [
        ("learning", (120, 40)),
        ("empty", (80, 24)),
        ("braked", (120, 40)),
        ("broken", (80, 24)),
    ],
    ids=_name,
)
def test_model(snap_compare: Compare, state: str, size: tuple[int, int]) -> None:
    app = make_app(ScriptedHandle(MODEL_STATES[state]))
    press = ["5", "down"] if state == "braked" else ["5"]

    assert snap_compare(app, terminal_size=size, press=press, run_before=settled)


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
def test_setups_without_levels(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(still("normal"), terminal_size=size, press=["3"], run_before=settled)


@pytest.mark.req("CARD-PANELS")
def test_the_light_theme(snap_compare: Compare) -> None:
    app = make_app(ScriptedHandle(NORMAL), theme="cockpit-light")

    assert snap_compare(app, terminal_size=(120, 40), run_before=settled)


@pytest.mark.req("CARD-SNAPSHOT")
@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=_name)
@pytest.mark.parametrize("says", [GATE_PASSES, GATE_REFUSES], ids=["passes", "refuses"])
def test_an_order_by_hand_is_shown_with_what_the_gate_says(
    snap_compare: Compare, says: OrderPreview, size: tuple[int, int]
) -> None:
    app = still("normal")
    engine = app._handle
    assert isinstance(engine, ScriptedHandle)
    engine.answer = lambda command: replace(done(command), order=says)

    assert snap_compare(app, terminal_size=size, press=["b", "enter"], run_before=settled)


@pytest.mark.req("CARD-SNAPSHOT", "CARD-RISK")
def test_a_looser_limit_is_shown_with_what_it_would_have_let_through(snap_compare: Compare) -> None:
    app = still("normal")
    engine = app._handle
    assert isinstance(engine, ScriptedHandle)
    engine.answer = lambda command: replace(done(command), details=LET_THROUGH)

    assert snap_compare(app, terminal_size=(80, 24), press=["M"], run_before=settled)


def test_the_states_differ() -> None:
    assert STATES["halted"] is HALTED
    assert len({repr(state) for state in STATES.values()}) == len(STATES)
