"""What comes from outside and is wrong: a clear sentence, an exit code, nothing lost, no traceback."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from textual.app import App

from cockpit.exits import Exit
from engine.api import EngineState
from engine.domain.order import OrderState
from engine.runtime.process.gateway_process import FOLDER, is_gateway, running_gateway
from tests.broker.peer import ACCOUNT_UPDATES, ScriptedPeer
from tests.e2e.live import ONE_STOCK, live
from tests.e2e.screen import cockpit
from tests.process.terminal import Place, end_all
from tests.waiting import eventually_async

pytestmark = pytest.mark.slow

GARBAGE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\x00" * 4096,
    b"\xff\xff\xff\xff" * 512,
    b"API\0\x00\x00\x00\x09v157..178" + b"\x00\x00\x00\x07\xfe\xfd\x00\xff\x00\x00\x00" * 50,
    b"API\0\x7f\xff\xff\xff",
)
HOSTILE = "[red]no[/] margin \x1b[2J\x1b]0;owned\x07\u202egnp [@click=app.quit]x[/]"


class Ended(NamedTuple):
    """A command that has ended."""

    code: int
    said: str


@pytest.fixture
def place() -> Iterator[Place]:
    """A short path: a socket's may have only 107 bytes."""
    here = Place(Path(tempfile.mkdtemp(prefix="ck-")))
    (here.folder / "cockpit.toml").write_text("", encoding="utf-8")
    yield here
    end_all(here)
    shutil.rmtree(here.folder, ignore_errors=True)


@pytest.fixture
def short(place: Place) -> Path:
    """A state folder with a short path."""
    return place.folder


async def _run(place: Place, *arguments: str, **environ: str) -> Ended:
    """`cockpit …` to its end, while this loop goes on being its peer."""
    done = await asyncio.to_thread(place.run, *arguments, **environ)
    return Ended(done.returncode, done.stdout + done.stderr)


def _garbage(port: int) -> None:
    for data in GARBAGE:
        with socket.create_connection(("127.0.0.1", port), timeout=5.0) as stranger:
            stranger.sendall(data)


def _drill(state_dir: Path, **command: object) -> None:
    with socket.socket(socket.AF_UNIX) as admin:
        admin.connect(str(state_dir / FOLDER / "admin.sock"))
        admin.sendall(json.dumps(command).encode() + b"\n")
        assert json.loads(admin.recv(4096)) == {"ok": True}


def _painted(app: App[Exit]) -> str:
    strips = app.screen._compositor.render_strips()
    return "".join(segment.text for strip in strips for segment in strip)


async def test_garbage_on_the_gateways_port_disturbs_nobody_who_trades(short: Path) -> None:
    script = {**ONE_STOCK, "params": {"enter_at": 2}}
    async with live(short, strategies={"script": script}) as here:
        await here.ready()
        gateway = running_gateway(short)
        assert gateway is not None
        losses = [e for e in here.snapshot.events if e.kind == "link"]

        for _ in range(3):
            await asyncio.to_thread(_garbage, gateway.port)
        await here.until(lambda s: s.positions and s.positions[0].protected_quantity, why="no position")

        assert here.snapshot.connected
        assert here.snapshot.engine_state is EngineState.READY
        assert [e for e in here.snapshot.events if e.kind == "link"] == losses
        assert running_gateway(short) == gateway
        assert is_gateway(gateway.pid)
        assert "Traceback" not in here.plan.log_path.read_text()


async def test_a_peer_that_shakes_hands_and_says_nothing_more_ends_the_start_with_its_name(
    place: Place,
) -> None:
    async with ScriptedPeer() as peer:
        peer.silent = {ACCOUNT_UPDATES}
        ended = await _run(place, "--paper", "--headless", IB_PORT=str(peer.port))

    assert ended.code == 1
    assert f"127.0.0.1:{peer.port}" in ended.said
    assert "shook hands, then failed" in ended.said
    assert "Traceback" not in ended.said
    assert list(place.state.glob("*/cockpit.db")) == []


async def test_what_is_no_tws_is_said_to_be_none(place: Place) -> None:
    async with ScriptedPeer(greeting=b"SSH-2.0-OpenSSH_9.6\r\n") as peer:
        ended = await _run(place, "--paper", "--headless", IB_PORT=str(peer.port))

    assert ended.code == 1
    assert "does not speak the TWS protocol" in ended.said
    assert "Traceback" not in ended.said


async def test_a_real_money_account_is_refused_before_anything_is_kept_or_sent(place: Place) -> None:
    async with ScriptedPeer(account="U7654321") as peer:
        ended = await _run(place, "--paper", "--headless", IB_PORT=str(peer.port))

        assert ended.code == 4
        assert "U7654321" in ended.said
        assert "Traceback" not in ended.said
        assert list(place.state.glob("*/cockpit.db")) == []
        assert not peer.asked("3"), "no order"


async def test_live_on_an_embedded_gateway_is_refused_whatever_is_configured(place: Place) -> None:
    (place.folder / "cockpit.toml").write_text(
        '[broker]\ngateway = "embedded"\n[mode]\nlive_enabled = true\n'
    )

    ended = await _run(place, "--live")

    assert ended.code == 4
    assert "Traceback" not in ended.said
    assert not place.state.exists()


async def test_a_port_that_is_taken_is_named_and_the_other_program_is_left_alone(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "engine.gateway", "--state", str(tmp_path), "--port", str(port)),
            env=Place(tmp_path).environ(),
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await process.communicate()

    assert process.returncode == 1
    assert str(port) in said.decode()
    assert b"Traceback" not in said


@pytest.mark.req("RECOVERY-GATE")
async def test_a_state_folder_that_cannot_be_used_ends_paper_trading_before_it_begins(place: Place) -> None:
    place.state.write_text("a file is in the way")

    ended = await _run(place, "--paper", "--headless")

    assert ended.code == 1
    assert str(place.state) in ended.said
    assert "nothing was started" in ended.said
    assert "Traceback" not in ended.said
    assert place.state.read_text() == "a file is in the way"


async def test_a_refusal_that_looks_like_markup_and_escapes_is_shown_as_plain_letters(short: Path) -> None:
    script = {**ONE_STOCK, "params": {"enter_at": 3}}
    async with cockpit(short, link="direct", strategies={"script": script}) as here:
        _drill(short, do="reject_next", code=201, text=HOSTILE)

        await here.until(
            lambda s: any(o.status == OrderState.REJECTED.value for o in s.orders),
            why="the refusal never came",
        )
        await eventually_async(lambda: "margin" in _painted(here.pilot.app), why="it is not on the screen")

        painted = _painted(here.pilot.app)
        assert "[red]no[/]" in painted
        assert "\x1b" not in painted
        assert "\u202e" not in painted
        assert here.snapshot.engine_state is EngineState.READY
        assert (await here.at_broker()).open_orders == ()
