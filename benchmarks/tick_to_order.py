"""From a tick on the wire to the order's bytes on the wire, with the screen on and 2,000 ticks a second.

Run `python -m benchmarks.tick_to_order [--quick]`. The whole cockpit runs on a pseudo-terminal against the
embedded gateway, with a tap on the wire between them. The tap sends noise and, now and then, the 5-second
bar on which the strategy enters; it takes the bracket's bytes off the wire and refuses them, so that the
next bar finds the same account. Time runs from the bar leaving the tap to the bracket's last frame
arriving there: both ways over loopback, through broker callbacks, strategy, gate, books, store (P1, P2)
and queue. The control, an echo to another process, is asked between the bars. The two durable commits are
measured by their caller and taken off. A bar whose entry the gate refuses causes no bracket: it is told,
and another one is sent in its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import itertools
import os
import pty
import random
import signal
import struct
import sys
import tempfile
import termios
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from benchmarks.echo import EchoClient, EchoProcess
from benchmarks.engine_child import Stamps
from benchmarks.figures import Figure, quantile, show
from benchmarks.scripts import ENTER
from benchmarks.wiretap import ERROR, MARKET_PRICE, PLACE, REAL_TIME_BAR, Fields, Wiretap, frame
from engine.runtime.process.gateway_process import running_gateway

TICKS_PER_S = 2000
GAP_S = 0.1
"""Between two bars: the broker's message budget allows some 20 brackets a second."""
WARM_UP = 20
READY_S = 60.0
ANSWER_S = 5.0
"""Without a bracket for so long the bar caused none: the gate refused it, in a thin moment say."""
MOST_REFUSED = 0.05
"""Share of the bars that may end so; beyond it the run says nothing about orders."""
ROOT = Path(__file__).resolve().parents[1]
CONFIG = """
[state]
dir = "{folder}/state"
[market_data]
max_quote_age_seconds = 60.0
[risk]
orders_per_minute = 3000
duplicate_window_s = 0.0
[strategies.bench]
kind = "{kind}"
symbols = ["SPY"]
timeframe = "5s"
"""


class Market:
    """What the tap says instead of the gateway, and what it hears."""

    def __init__(self) -> None:
        self.tap: Wiretap | None = None
        self._bar: Fields | None = None
        self._prices: dict[bytes, Fields] = {}
        self._bracket: list[bytes] = []
        self._answer: asyncio.Future[float] | None = None
        self._step = itertools.count(1)
        self.noise = 0

    @property
    def is_open(self) -> bool:
        """Both sides of the quote and a bar have been seen."""
        return self._bar is not None and {b"1", b"2"} <= self._prices.keys()

    def on_down(self, fields: Fields) -> bool:
        """Keep the gateway's bars back; learn how its frames look."""
        if fields[0] == REAL_TIME_BAR:
            # Only the first: ours run ahead of the clock, and a bar from before the last one is decided on.
            self._bar = self._bar or fields
            return False
        if fields[0] == MARKET_PRICE and len(fields) > 5 and fields[3] in {b"1", b"2"}:
            self._prices[fields[3]] = fields
        return True

    def on_up(self, fields: Fields) -> bool:
        """Take the bracket off the wire; its last frame is the moment that counts."""
        if fields[0] != PLACE:
            return True
        self._bracket.append(fields[1])
        if len(self._bracket) == 2:
            now_s = time.monotonic()
            if self._answer is not None and not self._answer.done():
                self._answer.set_result(now_s)
            self._refuse()
        return False

    def _refuse(self) -> None:
        assert self.tap is not None
        answers = [frame((ERROR, 2, order, 201, "Order rejected - benchmark", "")) for order in self._bracket]
        self._bracket = []
        self.tap.send(b"".join(answers))

    def tick(self, count: int) -> None:
        """`count` changes of the quote's sizes, in one packet as a busy gateway sends them."""
        assert self.tap is not None
        ticks = []
        for step in itertools.islice(self._step, count):
            fields = list(self._prices[b"1" if step % 2 else b"2"])
            fields[5] = str(100 + step % 700).encode()
            ticks.append(frame(fields))
        self.noise += count
        self.tap.send(b"".join(ticks))

    async def bar(self) -> float:
        """Send the next bar; seconds until the bracket it causes is here."""
        assert self.tap is not None
        assert self._bar is not None
        self._bar[3] = str(int(self._bar[3]) + 5).encode()
        self._answer = asyncio.get_running_loop().create_future()
        whole = frame(self._bar)
        began = time.monotonic()
        self.tap.send(whole)
        async with asyncio.timeout(ANSWER_S):
            return await self._answer - began


async def make_noise(market: Market) -> None:
    """2,000 ticks a second in small packets, however late the timer wakes us."""
    began, sent = time.monotonic(), 0
    while True:
        await asyncio.sleep(0.002)
        due = int((time.monotonic() - began) * TICKS_PER_S)
        market.tick(due - sent)
        sent = due


class Screen:
    """The cockpit on its own terminal, drained in our loop."""

    def __init__(self, folder: Path, number: int | str, *, module: str = "benchmarks.engine_child") -> None:
        """`number` is what the module is told beside its folder: the tap's port."""
        command = [sys.executable, "-m", module, str(folder), str(number)]
        environ = {
            **os.environ,
            "TERM": "xterm-256color",
            "PYTHONPATH": str(ROOT),
            "XDG_RUNTIME_DIR": str(folder),
        }
        self.pid, self._master = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.execve(command[0], command, environ)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.tail = b""
        self.bytes = 0
        asyncio.get_running_loop().add_reader(self._master, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._master, 65536)
        except OSError:
            asyncio.get_running_loop().remove_reader(self._master)
            return
        self.tail = (self.tail + data)[-2000:]
        self.bytes += len(data)

    async def end(self) -> None:
        """Stop it as from a shell and wait for it."""
        os.kill(self.pid, signal.SIGTERM)
        while os.waitpid(self.pid, os.WNOHANG) == (0, 0):
            await asyncio.sleep(0.05)
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)


async def first_bracket(market: Market, screen: Screen) -> None:
    """Until the engine trades: bars are ignored as long as it boots and warms up."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        await asyncio.sleep(0.25)
        if market.is_open:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await market.bar()
                return
    raise SystemExit(f"the engine never traded within {READY_S:.0f} s; its screen: {screen.tail!r}")


class Measured(NamedTuple):
    """What one run gave; times in seconds."""

    orders_s: list[float]
    """One per bar that caused a bracket."""
    echoes_s: list[float]
    ticks: int
    began_s: float
    """When the first bar that counts was sent (`time.monotonic`)."""


async def take_samples(market: Market, echo: EchoClient, samples: int) -> tuple[list[float], float]:
    """Times of so many orders, and when the first of them was asked for. Refused bars are made up for.

    Raises TimeoutError where more bars stay without a bracket than an occasional refusal explains.
    """
    orders: list[float] = []
    left_out, began_s = 0, 0.0
    while len(orders) < samples + WARM_UP:
        await asyncio.sleep(GAP_S / 2 * random.uniform(0.8, 1.2))
        await echo.ask()
        await asyncio.sleep(GAP_S / 2 * random.uniform(0.8, 1.2))
        if len(orders) == WARM_UP and not began_s:
            began_s = time.monotonic()
        try:
            orders.append(await market.bar())
        except TimeoutError:
            left_out += 1
            if left_out > max(3.0, MOST_REFUSED * samples):
                raise
    return orders[WARM_UP:], began_s


async def measure(folder: Path, echo_port: int, *, samples: int) -> Measured:
    """One run of the whole cockpit."""
    market = Market()

    def upstream() -> tuple[str, int]:
        endpoint = running_gateway(folder / "state")
        assert endpoint is not None
        return endpoint.host, endpoint.port

    async with Wiretap(upstream=upstream, up=market.on_up, down=market.on_down) as market.tap:
        screen = Screen(folder, market.tap.port)
        echo = await EchoClient.connect(echo_port)
        noise: asyncio.Task[None] | None = None
        try:
            await first_bracket(market, screen)
            noise = asyncio.create_task(make_noise(market))
            orders, began_s = await take_samples(market, echo, samples)
        finally:
            if noise is not None:
                noise.cancel()
            echo.close()
            await screen.end()
    return Measured(orders, echo.times_s[WARM_UP:], market.noise, began_s)


def figures(*, quick: bool = False) -> list[Figure]:
    """The figures of one run."""
    samples = 30 if quick else 500
    with EchoProcess() as echo, tempfile.TemporaryDirectory(prefix="ck-") as name:
        folder = Path(name)
        (folder / "cockpit.toml").write_text(CONFIG.format(folder=folder, kind=ENTER), encoding="utf-8")
        orders, echoes, ticks, began_s = asyncio.run(measure(folder, echo.port, samples=samples))
        stamps = Stamps.read(folder)
    commits = [p1 + p2 for p1, p2 in zip(stamps.intent_s, stamps.sending_s, strict=True)][-samples:]
    bare = [whole - durable for whole, durable in zip(orders, commits, strict=True)]
    made = []
    for q, aim in ((0.5, 6.0), (0.99, 25.0)):
        control, ours = quantile(echoes, q), quantile(bare, q)
        note = (
            f"{ours * 1e3:.3f} ms without commits, echo {control * 1e3:.3f} ms, "
            f"two commits {quantile(commits, q) * 1e3:.3f} ms, whole {quantile(orders, q) * 1e3:.3f} ms"
        )
        made.append(Figure(f"tick to order bytes, p{q * 100:.0f} / echo", ours / control, "x", aim, note))
    refused = Counter(code for at_s, code in stamps.refused if at_s >= began_s)
    left_out = ", ".join(f"{count} refused by {code}" for code, count in refused.items())
    note = f"{samples} orders{left_out and f'; beside them {left_out}'}"
    made.append(Figure("  ticks on the line during that run", float(ticks), "ticks", None, note))
    return made


def main() -> None:
    """Print the table."""
    show(figures(quick="--quick" in sys.argv))


if __name__ == "__main__":
    main()
