"""The gateway as a process: one per folder, honest about failure, and its word outlives kill -9."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import ib_async
import pytest

from tests.process import forked
from tests.process.forked import Forked
from tests.waiting import eventually, eventually_async

ROOT = Path(__file__).parents[3]


class Ended(NamedTuple):
    """One that has ended, and what it said."""

    code: int
    out: str
    err: str


class Gateways:
    """Starts gateway processes and leaves none behind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: dict[Forked, Path] = {}

    def start(self, state: Path, *flags: str) -> Forked:
        said = self._folder / str(len(self._started))
        said.mkdir()
        with (said / "out").open("wb") as output, (said / "err").open("wb") as errors:
            process = forked.start(
                ["--state", str(state), *flags],
                folder=ROOT,
                environ={**os.environ, "PYTHONPATH": str(ROOT)},
                output=output,
                errors=errors,
                module="engine.gateway",
            )
        self._started[process] = said
        return process

    def listening(self, state: Path, *flags: str) -> tuple[Forked, int]:
        process = self.start(state, *flags)
        said = self._started[process]
        line = eventually(
            lambda: (said / "out").read_text() or (process.poll() is not None and "it ended"), within_s=60.0
        )
        assert line.startswith("listening on 127.0.0.1:"), (line, (said / "err").read_text())
        return process, int(line.splitlines()[0].rsplit(":", 1)[1])

    def ended(self, process: Forked) -> Ended:
        code, said = process.wait(20.0), self._started[process]
        return Ended(code, (said / "out").read_text(), (said / "err").read_text())

    def end(self) -> None:
        for process in self._started:
            process.kill()
            process.wait(20.0)


@pytest.fixture
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateways]:
    started = Gateways(tmp_path_factory.mktemp("said"))
    yield started
    started.end()


def status_of(state: Path) -> dict:
    return json.loads((state / "status.json").read_text())


def test_it_listens_within_seconds_on_loopback_only_and_says_where(
    tmp_path: Path, gateways: Gateways
) -> None:
    process, port = gateways.listening(tmp_path)
    status = status_of(tmp_path)

    assert (status["pid"], status["port"], status["kind"]) == (process.pid, port, "embedded")
    assert (status["min_version"], status["max_version"]) == (157, 178)
    assert status["speed"] == 1.0
    assert stat.S_IMODE((tmp_path / "status.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "admin.sock").stat().st_mode) == 0o600
    # 127.0.0.2 is this machine too: a socket bound to every address would answer there.
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=1).close()


def test_the_status_file_is_refreshed_and_tells_the_exchange_time(tmp_path: Path, gateways: Gateways) -> None:
    gateways.listening(tmp_path, "--speed", "20", "--date", "2026-11-20")
    first = status_of(tmp_path)
    later = eventually(
        lambda: (now := status_of(tmp_path))["monotonic_anchor"] > first["monotonic_anchor"] and now
    )

    elapsed = later["monotonic_anchor"] - first["monotonic_anchor"]
    assert later["epoch"] - first["epoch"] == pytest.approx(elapsed * 20, abs=1.0)


def test_sigterm_saves_and_exits_0_and_the_next_start_goes_on_from_there(
    tmp_path: Path, gateways: Gateways
) -> None:
    first, _ = gateways.listening(tmp_path, "--speed", "50", "--date", "2026-11-20")
    begun = status_of(tmp_path)["epoch"]
    eventually(lambda: status_of(tmp_path)["epoch"] > begun + 30)
    first.send_signal(signal.SIGTERM)
    assert first.wait(60) == 0
    stopped = status_of(tmp_path)

    assert stopped["running"] is False
    assert stopped["speed"] == 0.0
    assert not (tmp_path / "admin.sock").exists()
    gateways.listening(tmp_path, "--date", "2026-11-20")
    assert stopped["epoch"] <= status_of(tmp_path)["epoch"] < stopped["epoch"] + 30


def test_a_second_one_with_the_same_flags_is_pointed_to_the_first(tmp_path: Path, gateways: Gateways) -> None:
    first, port = gateways.listening(tmp_path)
    second = gateways.start(tmp_path)
    ended = gateways.ended(second)

    assert ended.code == 0
    assert f"127.0.0.1:{port}" in ended.out
    assert str(first.pid) in ended.out


def test_a_second_one_with_other_flags_is_refused_with_the_reason(tmp_path: Path, gateways: Gateways) -> None:
    gateways.listening(tmp_path)
    second = gateways.start(tmp_path, "--seed", "99", "--speed", "2")
    ended = gateways.ended(second)

    assert ended.code == 4
    assert "seed is 1, asked for 99" in ended.err
    assert "speed is 1.0, asked for 2.0" in ended.err


def test_a_taken_port_is_named(tmp_path: Path, gateways: Gateways) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = gateways.start(tmp_path, "--port", str(port))
        ended = gateways.ended(process)

    assert ended.code == 1
    assert str(port) in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--date", "2026-11-21"], 2, "weekend"),
        (["--start-at", "noon"], 2, "noon"),
        (["--world", "flatland"], 2, "flatland"),
        (["--tape", "nowhere"], 2, "nowhere"),
        (["--speed", "-1"], 2, "not a positive number"),
    ],
)
def test_wrong_flags_are_named(
    tmp_path: Path, gateways: Gateways, flags: list[str], code: int, words: str
) -> None:
    process = gateways.start(tmp_path, *flags)
    ended = gateways.ended(process)

    assert ended.code == code
    assert words in ended.err
    assert "Traceback" not in ended.err


def test_an_unusable_state_folder_is_named(tmp_path: Path, gateways: Gateways) -> None:
    (tmp_path / "file").write_text("in the way")
    process = gateways.start(tmp_path / "file" / "state")
    ended = gateways.ended(process)

    assert ended.code == 1
    assert str(tmp_path / "file" / "state") in ended.err
    assert "Traceback" not in ended.err


def test_a_damaged_journal_is_named_and_nothing_is_served(tmp_path: Path, gateways: Gateways) -> None:
    (tmp_path / "journal-000000000001.jsonl").write_text("not a record\nnor this\n")
    process = gateways.start(tmp_path)
    ended = gateways.ended(process)

    assert ended.code == 1
    assert "journal-000000000001.jsonl" in ended.err
    assert "listening" not in ended.out
    assert "Traceback" not in ended.err


def test_left_alone_it_saves_and_exits_0(tmp_path: Path, gateways: Gateways) -> None:
    process, _ = gateways.listening(tmp_path, "--idle-exit", "0.3")

    assert process.wait(15) == 0
    assert status_of(tmp_path)["running"] is False


def drill(state: Path, **command: object) -> dict:
    """One command over the drill socket."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(state / "admin.sock"))
        link.sendall(json.dumps(command).encode() + b"\n")
        with link.makefile() as answers:
            return json.loads(answers.readline())


async def test_drills_reach_a_real_client(tmp_path: Path, gateways: Gateways) -> None:
    _, port = gateways.listening(tmp_path)
    ib = ib_async.IB()
    errors: list[int] = []
    ib.errorEvent += lambda request_id, code, text, contract: errors.append(code)
    await ib.connectAsync("127.0.0.1", port, clientId=3, timeout=10)

    assert drill(tmp_path, do="error", code=1100) == {"ok": True}
    await eventually_async(lambda: 1100 in errors)
    assert drill(tmp_path, do="freeze", seconds=0.4) == {"ok": True}
    asked = time.monotonic()
    await ib.reqCurrentTimeAsync()
    assert time.monotonic() - asked > 0.2
    assert drill(tmp_path, do="levitate")["ok"] is False
    assert drill(tmp_path, do="data_type", type=9)["ok"] is False
    assert drill(tmp_path, do="drop") == {"ok": True}
    await eventually_async(lambda: not ib.isConnected())


async def test_good_till_date_and_trailing_percent_work_for_a_real_client(
    tmp_path: Path, gateways: Gateways
) -> None:
    _, port = gateways.listening(tmp_path, "--speed", "30")
    ib = ib_async.IB()
    await ib.connectAsync("127.0.0.1", port, clientId=3, timeout=10)
    spy = ib_async.Stock("SPY", "SMART", "USD")
    await ib.qualifyContractsAsync(spy)
    now = await ib.reqCurrentTimeAsync()
    until = f"{now + dt.timedelta(seconds=60):%Y%m%d %H:%M:%S} UTC"
    resting = ib.placeOrder(spy, ib_async.LimitOrder("BUY", 5, 100.0, tif="GTD", goodTillDate=until))
    trailing = ib.placeOrder(
        spy, ib_async.Order(action="SELL", totalQuantity=5, orderType="TRAIL", trailingPercent=2.0, tif="GTC")
    )
    await eventually_async(lambda: trailing.order.permId)
    (ticker,) = await ib.reqTickersAsync(spy)
    # The owner's library keeps the order as it was sent; another client sees the exchange's.
    other = ib_async.IB()
    await other.connectAsync("127.0.0.1", port, clientId=4, timeout=10)
    seen = {trade.order.permId: trade.order for trade in await other.reqAllOpenOrdersAsync()}
    other.disconnect()

    assert seen[resting.order.permId].tif == "GTD"
    assert seen[trailing.order.permId].trailStopPrice == pytest.approx(ticker.bid * 0.98, rel=0.01)
    await eventually_async(lambda: resting.orderStatus.status == "Cancelled", within_s=20.0)
    assert (await ib.reqCurrentTimeAsync() - now).total_seconds() >= 60
    ib.disconnect()


@pytest.mark.req("PLAN-M3-BROKER")
async def test_kill_9_loses_nothing_a_client_was_told(tmp_path: Path, gateways: Gateways) -> None:
    process, port = gateways.listening(tmp_path)
    ib = ib_async.IB()
    await ib.connectAsync("127.0.0.1", port, clientId=3, timeout=10)
    spy = ib_async.Stock("SPY", "SMART", "USD")
    await ib.qualifyContractsAsync(spy)
    bought = ib.placeOrder(spy, ib_async.MarketOrder("BUY", 50, tif="DAY", orderRef="bought"))
    await eventually_async(lambda: bought.orderStatus.status == "Filled" and ib.positions())
    resting = ib.placeOrder(spy, ib_async.LimitOrder("BUY", 5, 100.0, tif="GTC", orderRef="resting"))
    await eventually_async(lambda: resting.orderStatus.status == "Submitted")
    held = [(row.contract.conId, row.position, row.avgCost) for row in ib.positions()]
    executions = {fill.execution.execId for fill in bought.fills}
    process.kill()
    process.wait()
    await eventually_async(lambda: not ib.isConnected())

    _, port = gateways.listening(tmp_path)
    again = ib_async.IB()
    await again.connectAsync("127.0.0.1", port, clientId=3, timeout=10)
    (trade,) = again.openTrades()
    assert (trade.order.orderRef, trade.order.permId) == ("resting", resting.order.permId)
    assert trade.order.orderId == resting.order.orderId
    assert [(row.contract.conId, row.position, row.avgCost) for row in again.positions()] == held
    assert {fill.execution.execId for fill in again.fills()} == executions
    again.disconnect()


def test_state_of_another_account_is_refused(tmp_path: Path, gateways: Gateways) -> None:
    first, _ = gateways.listening(tmp_path)
    first.terminate()
    first.wait(60)
    second = gateways.start(tmp_path, "--account", "DU9000002")
    ended = gateways.ended(second)

    assert ended.code == 1
    assert "DU9000001" in ended.err
    assert "Traceback" not in ended.err


def test_environment_is_not_needed(tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "engine.gateway", "--help"],
        cwd=ROOT,
        env={"PATH": os.environ.get("PATH", "")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.returncode == 0
    assert "--lockstep" in found.stdout


def test_what_a_killed_one_left_is_gone_before_the_next_one_answers(
    tmp_path: Path, gateways: Gateways
) -> None:
    first, _ = gateways.listening(tmp_path)
    first.kill()
    first.wait()
    assert status_of(tmp_path)["running"] is True
    second = gateways.start(tmp_path, "--world", "flatland")
    ended = gateways.ended(second)

    assert ended.code == 2
    assert not (tmp_path / "status.json").exists()
