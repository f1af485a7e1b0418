"""How long a turn of the paper gateway's pump lasts, and how soon a market order comes back filled.

Run `python -m benchmarks.gateway_turns [--quick]`. Turns: every instrument is subscribed, five-second bars
and living history too, and the market plays at speed 1, once through the end of the regular session, where
every instrument's path is made anew; each turn is timed, first with all work done when it is due (the
control), then with work ahead. Round trips: ib_async buys and sells at market on a gateway of its own; the
control is an append with fsync to the same disk and an echo over loopback, one of each per order.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ib_async

from benchmarks.echo import EchoClient, EchoProcess
from benchmarks.figures import Figure, quantile, show
from engine.gateway.assembly import build
from engine.gateway.codec import Field, message
from engine.gateway.dispatch import dispatch
from engine.gateway.model import Contract, GatewaySettings, Limits
from engine.gateway.server import PUMP_INTERVAL_S, GatewayServer
from engine.gateway.session import Session
from engine.gateway.venue import Venue

DAY = dt.date(2026, 11, 20)
VERSION = 178
TURN_P99_MS = 5.0
ROUND_TRIP_P99_MS = 25.0
ORDER_GAP_S = 0.05
ANSWER_S = 5.0


class RunningClock:
    """Monotonic time that also counts the pauses between turns, without making them."""

    def __init__(self) -> None:
        self.skipped_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.skipped_s


class Sink(asyncio.Transport):
    """Takes what a client would read."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Nobody waits for it."""

    def get_write_buffer_size(self) -> int:
        """Read at once."""
        return 0


def subscribe(venue: Venue) -> None:
    """One client with a line on everything, and as many bars and books as one login may have."""
    session = Session(Sink(), version=VERSION, limits=venue.settings.limits)
    session.client_id = 1
    venue.sessions[1] = session
    for number, contract in enumerate(list(venue.contracts.values())):
        columns = contract_fields(contract)
        ask(venue, session, 1, 11, 1000 + number, *columns, False, "233", False, False, "")
        if number < 25:
            ask(venue, session, 50, 3, 2000 + number, *columns, 5, "TRADES", False, "")
        if number < 10:
            minutes = ("", "1 min", "1800 S", False, "TRADES", 2, True, "")
            ask(venue, session, 20, 3000 + number, *columns, False, *minutes)
        if number < 3:
            ask(venue, session, 10, 5, 4000 + number, *columns, 10, False, "")


def contract_fields(contract: Contract) -> tuple[Field, ...]:
    """A contract by its id."""
    return (contract.con_id, "", contract.sec_type, "", 0, "", "", contract.exchange, "", "USD", "", "")


def ask(venue: Venue, session: Session, *fields: Field) -> None:
    """One request, as if it came over the wire."""
    dispatch(venue, session, message(*fields)[4:])


def turns_ms(*, start_at: str, seconds: float, ahead: bool) -> list[float]:
    """How long each turn lasted, in milliseconds."""
    clock = RunningClock()
    with tempfile.TemporaryDirectory() as folder:
        settings = GatewaySettings(
            state_dir=folder,
            seed=7,
            session_date=DAY.isoformat(),
            start_at=start_at,
            limits=Limits(data_lines=1000),
        )
        gateway = build(settings, monotonic=clock, today=DAY)
        subscribe(gateway.venue)
        server = GatewayServer(gateway.venue, works_ahead=ahead)
        server.turn()
        gc.freeze()  # as the process does
        times = []
        for _ in range(round(seconds / PUMP_INTERVAL_S)):
            clock.skipped_s += PUMP_INTERVAL_S
            began = time.perf_counter()
            server.turn()
            times.append((time.perf_counter() - began) * 1000.0)
        gateway.journal.close()
        gc.unfreeze()
    return times


def turn_figures(*, seconds: float) -> list[Figure]:
    """Turns within the day and over the end of the regular session, without and with work ahead."""
    figures = []
    for name, start_at in (("in the day", "10:00"), ("over the close", "15:59:40")):
        control = turns_ms(start_at=start_at, seconds=seconds, ahead=False)
        ahead = turns_ms(start_at=start_at, seconds=seconds, ahead=True)
        figures += [
            Figure(f"turn {name}: p50", quantile(ahead, 0.5), "ms", None, f"{len(ahead)} turns"),
            Figure(f"turn {name}: p99", quantile(ahead, 0.99), "ms", TURN_P99_MS),
            Figure(
                f"turn {name}: longest",
                max(ahead),
                "ms",
                None,
                f"all at once: {max(control):.1f} ms",
            ),
            Figure(f"turn {name}: longest / all at once", max(ahead) / max(control), "x", 0.5),
        ]
    return figures


async def round_trips(port: int, echo_port: int, folder: Path, *, orders: int) -> list[Figure]:
    """Market orders, each followed by one echo and one synced write."""
    ib = ib_async.IB()
    await ib.connectAsync("127.0.0.1", port, clientId=5, timeout=10)
    stock = ib_async.Stock("SPY", "SMART", "USD")
    await ib.qualifyContractsAsync(stock)
    echo = await EchoClient.connect(echo_port)
    filled, control = [], []
    with (folder / "synced").open("ab", buffering=0) as file:
        for number in range(orders):
            order = ib_async.MarketOrder("BUY" if number % 2 == 0 else "SELL", 100, tif="DAY")
            filled.append(await fill_ms(ib, stock, order))
            echoed = await echo.ask()
            began = time.perf_counter()
            file.write(b"." * 600 + b"\n")
            os.fsync(file.fileno())
            control.append((echoed + time.perf_counter() - began) * 1000.0)
            await asyncio.sleep(ORDER_GAP_S)
    echo.close()
    ib.disconnect()
    p99 = quantile(filled, 0.99)
    return [
        Figure("market order to Filled: p50", quantile(filled, 0.5), "ms", None, f"{orders} orders"),
        Figure("market order to Filled: p99", p99, "ms", ROUND_TRIP_P99_MS),
        Figure(
            "market order to Filled: p50 / echo and fsync",
            quantile(filled, 0.5) / quantile(control, 0.5),
            "x",
            None,
            f"control p50 {quantile(control, 0.5):.2f} ms, p99 {quantile(control, 0.99):.2f} ms",
        ),
    ]


async def fill_ms(ib: ib_async.IB, stock: ib_async.Contract, order: ib_async.Order) -> float:
    """From placeOrder to the status Filled, in milliseconds."""
    done = asyncio.get_running_loop().create_future()
    began = time.perf_counter()
    trade = ib.placeOrder(stock, order)
    trade.filledEvent += lambda trade: done.done() or done.set_result(time.perf_counter() - began)
    return float(await asyncio.wait_for(done, ANSWER_S)) * 1000.0


def round_trip_figures(*, orders: int) -> list[Figure]:
    """A gateway in a process of its own, as `cockpit --paper` has it."""
    with tempfile.TemporaryDirectory() as name, EchoProcess() as echo:
        folder = Path(name)
        command = [sys.executable, "-m", "engine.gateway", "--state", str(folder / "gateway")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as gateway:
            assert gateway.stdout is not None
            port = int(gateway.stdout.readline().rsplit(":", 1)[1])
            try:
                return asyncio.run(round_trips(port, echo.port, folder, orders=orders))
            finally:
                gateway.terminate()


def main() -> None:
    """Print the table."""
    quick = "--quick" in sys.argv
    show(turn_figures(seconds=30.0 if quick else 120.0))
    show(round_trip_figures(orders=40 if quick else 300))


if __name__ == "__main__":
    main()
