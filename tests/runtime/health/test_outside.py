"""What programs outside see: the HTTP endpoint's answers, and the service manager's datagrams."""

from __future__ import annotations

import asyncio
import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from engine.api import EngineState, HealthRow, Level, Snapshot
from engine.runtime.health.http import HOST, HealthEndpoint, answer
from engine.runtime.health.systemd import ServiceNotifier
from tests.runtime.small_core import first_snapshot
from tests.waiting import eventually_async

WELL = replace(
    first_snapshot(),
    engine_state=EngineState.READY,
    entries_allowed=True,
    entries_text="entries on",
    health=(HealthRow("loop", Level.OK, "max lag 0.1 ms", "0 ms", "100 ms"),),
)
ILL = replace(
    WELL,
    entries_allowed=False,
    entries_text="memory: 91 % in use",
    health=(HealthRow("memory", Level.ERROR, "91 % in use", "91 %", "80 %", blocks=True),),
)


@pytest.mark.req("PLAN-M3-AC-HEARTBEAT")
@pytest.mark.parametrize(
    ("path", "snapshot", "status"),
    [
        ("/live", WELL, 200),
        ("/live", ILL, 200),
        ("/live", replace(WELL, engine_state=EngineState.STOPPED), 503),
        ("/ready", WELL, 200),
        ("/ready", ILL, 503),
        ("/healthz", WELL, 200),
        ("/healthz", ILL, 503),
        ("/healthz", replace(WELL, health=()), 503),
        ("/", WELL, 404),
    ],
)
def test_each_path_answers_by_the_state(path: str, snapshot: Snapshot, status: int) -> None:
    reply = answer(path, snapshot)

    assert reply.status == status
    json.loads(reply.body)


@pytest.mark.req("PLAN-M3-AC-HEARTBEAT")
async def test_it_listens_on_loopback_and_answers_requests() -> None:
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    tasks: list[asyncio.Task[None]] = []
    endpoint = HealthEndpoint(
        port=port,
        spawn=lambda _, act: tasks.append(asyncio.ensure_future(act())),  # type: ignore[arg-type]  # run()
    )
    endpoint.snapshot = lambda: ILL
    await endpoint.keep_running()
    await endpoint.keep_running()
    await eventually_async(lambda: endpoint._server is not None)
    assert endpoint._server is not None
    assert [at.getsockname()[0] for at in endpoint._server.sockets] == ["127.0.0.1"], "nobody else's business"

    async def get(request: bytes) -> str:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(request)
        text = (await reader.read()).decode()
        writer.close()
        return text

    try:
        ready = await get(b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n")
        posted = await get(b"POST /ready HTTP/1.1\r\n\r\n")
        head = await get(b"HEAD /live HTTP/1.1\r\n\r\n")
        noise = await get(b"\x16\x03\x01 hello\r\n\r\n")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    assert len(tasks) == 1
    assert ready.startswith("HTTP/1.1 503 ")
    assert "memory: 91 % in use" in ready
    assert posted.startswith("HTTP/1.1 405")
    assert head.endswith("\r\n\r\n")
    assert noise.startswith("HTTP/1.1 4")


@pytest.mark.req("PLAN-M3-AC-HEARTBEAT")
async def test_without_a_port_nothing_listens() -> None:
    begun: list[str] = []
    endpoint = HealthEndpoint(port=0, spawn=lambda name, _: begun.append(name))

    await endpoint.keep_running()

    assert not begun


def test_metrics_are_in_the_text_format_and_leave_out_what_is_unknown() -> None:
    pytest.importorskip("prometheus_client", reason="the extra 'metrics' is not installed")
    from engine.runtime.health.metrics import exposition

    text = exposition(ILL)

    assert "cockpit_entries_allowed 0.0" in text
    assert 'cockpit_check_level{check="memory"} 3.0' in text
    assert "cockpit_bars_total 0.0" in text
    assert "nan" not in text.lower()


async def test_the_service_manager_hears_ready_once_and_a_sign_of_life_each_round(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        service = ServiceNotifier({"NOTIFY_SOCKET": str(tmp_path / "notify")}, status=lambda: "PAPER READY")
        await service.round()
        await service.round()
        service.stopping()
        heard = [manager.recv(4096).decode().split("\n") for _ in range(3)]

    assert heard == [
        ["READY=1", "WATCHDOG=1", "STATUS=PAPER READY"],
        ["WATCHDOG=1", "STATUS=PAPER READY"],
        ["STOPPING=1"],
    ]


async def test_without_a_service_manager_nothing_is_told(tmp_path: Path) -> None:
    await ServiceNotifier({}, status=lambda: "").round()
    await ServiceNotifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}, status=lambda: "").round()
