"""From the tick that breaks a pivot, and from the close of a minute bar, to the orders' bytes on the wire.

Run `python -m benchmarks.pivot_to_order [--quick]`. The whole cockpit runs on a pseudo-terminal against the
embedded gateway with a tap on the wire, as in `tick_to_order`, but on a hundred stocks, quotes and bars of
each: the pivot trader watches a level above all of them, and another strategy the minutes of ten. The broker
answers for short bars of sixty in ten minutes, so those are the ones whose levels are broken; the others are
warming up meanwhile. The tap sends the tick that lies beyond a level, or the last 5-second bar of a minute of
all ten in one packet; it takes the brackets off the wire and refuses them. Nothing is subtracted: gate, two
durable commits and both ways over loopback are in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import sys
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path

from benchmarks import hundred
from benchmarks.echo import EchoClient, EchoProcess
from benchmarks.figures import Figure, quantile, show
from benchmarks.hundred import SYMBOLS
from benchmarks.scripts import ENTER
from benchmarks.tick_to_order import Screen
from benchmarks.wiretap import ERROR, MARKET_PRICE, PLACE, REAL_TIME_BAR, Fields, Wiretap, frame
from engine.runtime.process.gateway_process import running_gateway

NOISE_PER_S = 2000
GAP_S, BAR_GAP_S = 0.06, 0.8
"""The broker's message budget allows some 20 brackets a second."""
READY_S, ANSWER_S = 90.0, 5.0
WARM_UP = 10
LEAST_OF = 4
"""At least one of so many stocks must be traded, or there is nothing to measure."""
MINUTES_OF = SYMBOLS[:10]
"""The stocks whose minute bars are traded. They trade least, so their short bars are asked for last."""
BID, ASK = b"1", b"2"
ASK_DATA, ASK_BARS, ASK_HISTORY = b"1", b"50", b"20"
SHORT_BARS = b"5 secs"
MINUTE_TRADER = """
[strategies.minutes]
kind = "{kind}"
symbols = {symbols}
timeframe = "1m"
"""


class Market:
    """What the tap says instead of the gateway, and what it hears; by symbol."""

    def __init__(self, symbols: tuple[str, ...]) -> None:
        self.tap: Wiretap | None = None
        self.noise = 0
        self.symbols = symbols
        self.breaking: list[str] = []
        """Whose levels are broken: those whose short bars were asked for."""
        self._lines: dict[bytes, str] = {}
        """Number of a question for market data -> symbol."""
        self._bar_lines: dict[bytes, str] = {}
        self._touch: dict[tuple[str, bytes], Fields] = {}
        self._bars: dict[str, Fields] = {}
        self._minute = 0
        self._brackets: dict[str, list[bytes]] = {}
        self._waiting: dict[str, asyncio.Future[float]] = {}
        self._step = itertools.count(1)

    @property
    def is_open(self) -> bool:
        """Every stock has a touch, and those whose minutes are traded have a bar."""
        return len(self._touch) == 2 * len(self.symbols) and len(self._bars) == len(MINUTES_OF)

    # --- what passes ----------------------------------------------------------------------------

    def on_up(self, fields: Fields) -> bool:
        """Learn which line is whose; take brackets off the wire."""
        if fields[0] == ASK_DATA:
            self._lines[fields[2]] = fields[4].decode()
        elif fields[0] == ASK_BARS:
            self._bar_lines[fields[2]] = fields[4].decode()
        elif fields[0] == ASK_HISTORY and SHORT_BARS in fields:
            symbol = fields[3].decode()
            if symbol not in MINUTES_OF and symbol not in self.breaking:
                self.breaking.append(symbol)
        if fields[0] != PLACE:
            return True
        symbol = fields[3].decode()
        bracket = self._brackets.setdefault(symbol, [])
        bracket.append(fields[1])
        if len(bracket) == 2:
            self._answered(symbol, time.monotonic())
        return False

    def _answered(self, symbol: str, at_s: float) -> None:
        assert self.tap is not None
        waiting = self._waiting.get(symbol)
        if waiting is not None and not waiting.done():
            waiting.set_result(at_s)
        orders = self._brackets.pop(symbol)
        self.tap.send(b"".join(frame((ERROR, 2, o, 201, "Order rejected - benchmark", "")) for o in orders))

    def on_down(self, fields: Fields) -> bool:
        """Learn how frames look; keep back the bars of those whose minutes are traded."""
        if fields[0] == MARKET_PRICE and len(fields) > 5 and fields[3] in {BID, ASK}:
            symbol = self._lines.get(fields[2], "")
            waiting = self._waiting.get(symbol)
            if waiting is not None and not waiting.done():
                return False  # read together with the break it would hide it
            self._touch[symbol, fields[3]] = fields
        if fields[0] == REAL_TIME_BAR:
            symbol = self._bar_lines.get(fields[2], "")
            if symbol in MINUTES_OF:
                self._bars.setdefault(symbol, fields)
                return False
        return True

    # --- what it says ---------------------------------------------------------------------------

    def tick(self, count: int) -> None:
        """`count` changes of sizes, over all stocks, in one packet."""
        assert self.tap is not None
        ticks = []
        for step in itertools.islice(self._step, count):
            symbol = self.symbols[step % len(self.symbols)]
            fields = list(self._touch[symbol, BID])
            fields[5] = str(100 + step % 700).encode()
            ticks.append(frame(fields))
        self.noise += count
        self.tap.send(b"".join(ticks))

    async def break_out(self, symbol: str) -> float:
        """Send the tick beyond the level; seconds until the bracket is here. Then the price goes back."""
        level = hundred.resistance(symbol)
        inside = {side: self._touch[symbol, side] for side in (BID, ASK)}
        packet = b""
        for side, price in ((BID, level + 0.01), (ASK, level + 0.02)):
            fields = list(inside[side])
            fields[4] = f"{price:.2f}".encode()
            self._touch[symbol, side] = fields
            packet += frame(fields)
        (taken_s,) = await self._sent(packet, (symbol,))
        assert self.tap is not None
        for side, fields in inside.items():
            self._touch[symbol, side] = fields
            self.tap.send(frame(fields))
        return taken_s

    async def close_minute(self) -> list[float]:
        """Send the last 5 seconds of the next minute of all ten; seconds until each bracket is here."""
        last = max(int(fields[3]) for fields in self._bars.values())
        self._minute = max(self._minute, last // 60 * 60) + 60
        packet = b""
        for fields in self._bars.values():
            mine = list(fields)
            mine[3] = str(self._minute + 55).encode()
            packet += frame(mine)
        return await self._sent(packet, MINUTES_OF)

    async def _sent(self, packet: bytes, symbols: tuple[str, ...]) -> list[float]:
        assert self.tap is not None
        loop = asyncio.get_running_loop()
        self._waiting = {symbol: loop.create_future() for symbol in symbols}
        began_s = time.monotonic()
        self.tap.send(packet)
        async with asyncio.timeout(ANSWER_S):
            return [at_s - began_s for at_s in await asyncio.gather(*self._waiting.values())]


async def make_noise(market: Market) -> None:
    """Ticks that change no price, in small packets, however late the timer wakes us."""
    began_s, sent = time.monotonic(), 0
    while True:
        await asyncio.sleep(0.005)
        due = int((time.monotonic() - began_s) * NOISE_PER_S)
        market.tick(due - sent)
        sent = due


async def until_it_trades(market: Market, screen: Screen) -> None:
    """Until the engine trades both ways: what comes before is ignored."""
    deadline_s = time.monotonic() + READY_S
    tried = itertools.count()

    def break_one() -> Awaitable[object]:
        return market.break_out(market.breaking[next(tried) % len(market.breaking)])

    for act in (break_one, market.close_minute):
        while True:
            if time.monotonic() > deadline_s:
                raise SystemExit(f"it never traded within {READY_S:.0f} s; its screen: {screen.tail!r}")
            await asyncio.sleep(0.25)
            if market.is_open and market.breaking:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        await act()
                    break
    market.breaking = [symbol for symbol in market.breaking if await _trades(market, symbol)]
    if len(market.breaking) < len(market.symbols) // LEAST_OF:
        raise SystemExit(f"only {len(market.breaking)} of {len(market.symbols)} stocks are traded")


async def _trades(market: Market, symbol: str) -> bool:
    """Whether a break of its level becomes an order by now: those that are still cold are not measured."""
    for _ in range(2):
        await asyncio.sleep(GAP_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await market.break_out(symbol)
            return True
    return False


class Times:
    """What one run measured, seconds."""

    def __init__(self) -> None:
        self.breaks_s: list[float] = []
        self.minutes_s: list[list[float]] = []
        """One list per minute, one entry per order."""
        self.echoes_s: list[float] = []
        self.ticks = 0


def measured(*, samples: int, minutes: int, symbols: tuple[str, ...] = SYMBOLS) -> Times:
    """One cockpit, all its breaks, then its minutes."""
    with EchoProcess() as echo, tempfile.TemporaryDirectory(prefix="ck-") as name:
        folder = Path(name)
        hundred.prepare(folder, symbols)
        text = hundred.CONFIG.format(folder=folder, positions=20)
        text += hundred.PIVOTS.format(symbols=hundred.listed(symbols))
        text += MINUTE_TRADER.format(kind=ENTER, symbols=hundred.listed(MINUTES_OF))
        (folder / "cockpit.toml").write_text(text, encoding="utf-8")
        market = Market(symbols)
        return asyncio.run(_measure(market, folder, echo.port, samples=samples, minutes=minutes))


async def _measure(market: Market, folder: Path, echo_port: int, *, samples: int, minutes: int) -> Times:
    times = Times()

    def upstream() -> tuple[str, int]:
        endpoint = running_gateway(folder / "state")
        assert endpoint is not None
        return endpoint.host, endpoint.port

    async with Wiretap(upstream=upstream, up=market.on_up, down=market.on_down) as market.tap:
        screen = Screen(folder, market.tap.port)
        echo = await EchoClient.connect(echo_port)
        noise: asyncio.Task[None] | None = None
        try:
            await until_it_trades(market, screen)
            noise = asyncio.create_task(make_noise(market))
            for number in range(samples + WARM_UP):
                await asyncio.sleep(GAP_S / 2 * random.uniform(0.8, 1.2))
                await echo.ask()
                await asyncio.sleep(GAP_S / 2 * random.uniform(0.8, 1.2))
                times.breaks_s.append(await market.break_out(market.breaking[number % len(market.breaking)]))
            for _ in range(minutes + 1):
                await asyncio.sleep(BAR_GAP_S)
                times.minutes_s.append(await market.close_minute())
        finally:
            if noise is not None:
                noise.cancel()
            echo.close()
            await screen.end()
    times.breaks_s, times.minutes_s = times.breaks_s[WARM_UP:], times.minutes_s[1:]
    times.echoes_s, times.ticks = echo.times_s[WARM_UP:], market.noise
    return times


def figures(*, quick: bool = False) -> list[Figure]:
    """The figures of one run."""
    samples, minutes = (30, 5) if quick else (300, 30)
    times = measured(samples=samples, minutes=minutes)
    made = []
    for q, aim in ((0.5, None), (0.99, 20.0)):
        ours, control = quantile(times.breaks_s, q), quantile(times.echoes_s, q)
        note = f"{ours / control:.1f}x an echo ({control * 1e3:.2f} ms), {samples} breaks, 100 stocks"
        made.append(Figure(f"pivot break to order bytes, p{q * 100:.0f}", ours * 1e3, "ms", aim, note))
    control = quantile(times.echoes_s, 0.5)
    each = [taken_s for minute in times.minutes_s for taken_s in minute]
    worst_s = max(each)
    for name, value, aim in (
        ("bar close to order bytes, p50 of ten at once", quantile(each, 0.5), None),
        ("bar close to order bytes, p95 of ten at once", quantile(each, 0.95), 100.0),
        ("bar close to the last of ten orders, worst", worst_s, 2000.0),
    ):
        note = f"{value / control:.1f}x an echo's p50; {minutes} minutes of {len(MINUTES_OF)} stocks"
        made.append(Figure(name, value * 1e3, "ms", aim, note))
    return made


def main() -> None:
    """Print the table."""
    show(figures(quick="--quick" in sys.argv))


if __name__ == "__main__":
    main()
