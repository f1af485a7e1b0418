"""From a market order leaving the executor to its fill in the Snapshot: real engine, gateway and store.

Run `python -m benchmarks.market_fill [--quick]`. An engine session without a screen (own thread, embedded
gateway as a process) turns a stock over on every bar; each exit is a market order. Time runs from
`Broker.place` to the first published Snapshot that shows a fill of it, which means: order over the wire,
matched and journalled by the gateway, execution back, ledger, durable commit, publication.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.echo import EchoClient, EchoProcess
from benchmarks.figures import Figure, quantile, show
from benchmarks.scripts import TURN
from engine.api import Mode, Snapshot
from engine.broker.ibkr import IbkrBroker
from engine.config import Loaded, load
from engine.domain.instrument import Instrument
from engine.domain.order import OrderIntent, OrderType
from engine.runtime.process.core import EngineCore
from engine.runtime.process.logs import quiet_until_set_up
from engine.runtime.process.options import RunOptions
from engine.runtime.process.session import EngineSession, RunRequest

LIMIT_S = 180.0
CONFIG = """
[state]
dir = "{folder}/state"
[broker]
speed = 5.0
[market_data]
max_quote_age_seconds = 120.0
[risk]
cooldown_minutes = 0.0
cooldown_after_stop_minutes = 0.0
duplicate_window_s = 0.0
orders_per_minute = 3000
daily_loss_pct = 100.0
symbol_daily_loss_pct = 100.0
[risk.repeated_execution]
n = 1000
[strategies.bench]
kind = "{kind}"
symbols = ["SPY"]
timeframe = "5s"
"""


class Watch:
    """Notes when market orders leave and when their fills are published; on the engine's loop."""

    def __init__(self) -> None:
        self.sent_s: dict[str, float] = {}
        self.times_s: list[float] = []

    def put_before(self, broker: type[IbkrBroker]) -> None:
        """Stamp every market order on its way into the adapter."""
        place = broker.place

        async def stamped(
            adapter: IbkrBroker,
            orders: tuple[tuple[OrderIntent, int], ...],
            instrument: Instrument,
            *,
            parent_ids: tuple[int, ...],
        ) -> None:
            for intent, _ in orders:
                if intent.order_type is OrderType.MARKET:
                    self.sent_s[intent.ref] = time.monotonic()
            await place(adapter, orders, instrument, parent_ids=parent_ids)

        setattr(broker, "place", stamped)  # noqa: B010 - a plain assignment of a method is no type

    def look(self, snapshot: Snapshot) -> None:
        """A snapshot was published."""
        now_s = time.monotonic()
        for fill in snapshot.fills:
            sent_s = self.sent_s.pop(fill.order_ref, None)
            if sent_s is not None:
                self.times_s.append(now_s - sent_s)

    async def build(self, loaded: Loaded, options: RunOptions) -> EngineCore:
        """The product's own engine, watched."""
        from engine.runtime.boot import build_core

        self.put_before(IbkrBroker)
        core = await build_core(loaded, options)
        core.source.subscribe(lambda _urgent: self.look(core.source.latest))
        return core


async def collect(session: EngineSession, watch: Watch, echo_port: int, *, samples: int) -> list[float]:
    """Until there are enough fills; returns the times of the echo asked meanwhile."""
    echo = await EchoClient.connect(echo_port)
    deadline = time.monotonic() + LIMIT_S
    while len(watch.times_s) < samples and session.handle.is_alive:
        await asyncio.sleep(0.05)
        await echo.ask()
        if time.monotonic() > deadline:
            raise SystemExit(f"only {len(watch.times_s)} market orders filled within {LIMIT_S:.0f} s")
    echo.close()
    return echo.times_s


def run(folder: Path, *, samples: int) -> tuple[list[float], list[float]]:
    """Fill times and echo times in seconds."""
    config = folder / "cockpit.toml"
    config.write_text(CONFIG.format(folder=folder, kind=TURN), encoding="utf-8")
    watch = Watch()
    quiet_until_set_up()
    environ = {"XDG_RUNTIME_DIR": str(folder)}
    loaded = load(path=config, overrides={}, environ={}, cwd=folder, mode=Mode.PAPER.value)
    request = RunRequest(mode=Mode.PAPER, headless=False, version="0", environ=environ)
    with EchoProcess() as echo:
        session = EngineSession(loaded, request, build=watch.build)
        session.open()
        try:
            echoes = asyncio.run(collect(session, watch, echo.port, samples=samples))
        finally:
            session.stop("flatten")
            session.wait()
            session.close()
    return watch.times_s, echoes


def figures(*, quick: bool = False) -> list[Figure]:
    """The figures of one run."""
    samples = 6 if quick else 60
    with tempfile.TemporaryDirectory(prefix="ck-") as name:
        times, echoes = run(Path(name), samples=samples)
    made = []
    for q, aim in ((0.5, None), (0.99, 25.0)):
        ours, control = quantile(times, q) * 1e3, quantile(echoes, q) * 1e3
        note = f"{ours / control:.0f}x an echo ({control:.2f} ms), {len(times)} orders"
        made.append(Figure(f"market order to fill in Snapshot, p{q * 100:.0f}", ours, "ms", aim, note))
    return made


def main() -> None:
    """Print the table."""
    show(figures(quick="--quick" in sys.argv))


if __name__ == "__main__":
    main()
