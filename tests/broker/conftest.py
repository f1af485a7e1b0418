"""The real embedded gateway as a process, and brokers that are always closed again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from engine.broker.ibkr import IbkrBroker
from engine.broker.wire import ConnectionSettings
from tests.broker.hearing import Hearing
from tests.waiting import eventually

Connect = Callable[..., Awaitable[tuple[IbkrBroker, Hearing]]]

FAST = ConnectionSettings(
    connect_timeout_s=5.0, request_timeout_s=5.0, heartbeat_s=1.0, detect_s=3.0, history_timeout_s=10.0
)


@contextmanager
def gateway_process(state: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """An embedded gateway with its state in `state`: the process and its port."""
    command = [sys.executable, "-m", "engine.gateway", "--state", str(state), "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with (state / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            port = eventually(lambda: _port(state / "status.json"), within_s=30, why="gateway did not start")
            yield process, port
        finally:
            process.kill()
            process.wait(timeout=10)


@pytest.fixture(scope="session")
def gateway_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of an embedded gateway that lives as long as the test session of this worker."""
    with gateway_process(tmp_path_factory.mktemp("gateway")) as (_, port):
        yield port


def _port(status: Path) -> int:
    if not status.exists():
        return 0
    told = json.loads(status.read_text())
    return int(told["port"]) if told["running"] else 0


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Connect a broker to a port; every broker made so is disconnected at the end of the test."""
    brokers: list[IbkrBroker] = []

    async def make(port: int, **changes: object) -> tuple[IbkrBroker, Hearing]:
        settings = replace(FAST, port=port, **changes)  # type: ignore[arg-type]  # replace checks the names
        broker, hearing = IbkrBroker(settings), Hearing()
        brokers.append(broker)
        await broker.connect(hearing)
        return broker, hearing

    yield make
    for broker in brokers:
        await broker.disconnect()
