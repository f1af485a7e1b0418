"""An order behind 60 queued requests and a cancel behind 600: our queue, the real library, the real wire.

Run `python -m benchmarks.queues [--quick]`. The adapter talks to the embedded gateway through a tap in the
same loop; time runs from the call to its frame arriving at the tap. A single queue that keeps the broker's
50 messages a second would need over 1 s for the order and over 12 s for the cancel.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.echo import EchoClient, EchoProcess
from benchmarks.figures import Figure, quantile, show
from benchmarks.wiretap import CANCEL, PLACE, Fields, Wiretap
from engine.broker.ibkr import IbkrBroker
from engine.broker.wire import ConnectionSettings
from engine.domain.instrument import Instrument
from engine.domain.order import Order, OrderIntent, OrderState, OrderType, Role, Side, Tif
from engine.runtime.process.gateway_process import GatewayProcess, plan_for
from engine.runtime.process.options import GatewayEndpoint

BEHIND_ORDER, BEHIND_CANCEL = 60, 600
CONTRACT_DETAILS = b"9"
BURST = 40
"""More than the queue lets go at once, so that as many as wanted really wait."""
FAR_BELOW = 1.0
"""A limit that never fills, so that there is something to cancel."""


class Deaf:
    """Hears nothing: only what is sent is measured."""

    def on_broker_event(self, event: object) -> None:
        """Not of interest."""

    def on_quote(self, quote: object) -> None:
        """Not of interest."""

    def on_bar(self, bar: object) -> None:
        """Not of interest."""

    def on_depth(self, depth: object) -> None:
        """Not of interest."""


class Ears:
    """Stamps the frames that are waited for as they pass the tap."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, asyncio.Future[float]] = {}
        self.questions = 0
        """How many of the crowd's requests have come by."""

    def expect(self, message: bytes) -> asyncio.Future[float]:
        """The instant (`time.monotonic`) at which the next such frame arrives."""
        self._waiting[message] = arrived = asyncio.get_running_loop().create_future()
        return arrived

    def on_up(self, fields: Fields) -> bool:
        """Everything passes."""
        self.questions += fields[0] == CONTRACT_DETAILS
        waiting = self._waiting.pop(fields[0], None)
        if waiting is not None:
            waiting.set_result(time.monotonic())
        return True


def resting(instrument: Instrument, number: int) -> OrderIntent:
    """A buy far below the market."""
    return OrderIntent(
        ref=f"ck-queue-{number}",
        strategy="bench",
        key=instrument.key,
        con_id=instrument.con_id,
        role=Role.ENTRY,
        side=Side.BUY,
        quantity=1,
        order_type=OrderType.LIMIT,
        tif=Tif.DAY,
        created_at=datetime.now(UTC),
        limit_price=FAR_BELOW,
    )


class Crowd:
    """Requests of a lower rank that fill the queue."""

    def __init__(self, broker: IbkrBroker, ears: Ears) -> None:
        self._broker = broker
        self._ears = ears
        self._tasks: list[asyncio.Task[object]] = []
        self._before = ears.questions

    async def grow(self, waiting: int) -> None:
        """Ask until at least `waiting` requests are held back."""
        asked = waiting + BURST - len(self._tasks)
        self._tasks += [asyncio.create_task(self._ask()) for _ in range(asked)]
        await asyncio.sleep(0.02)  # the burst that may leave at once is through
        held = len(self._tasks) - (self._ears.questions - self._before)
        assert held >= waiting, f"only {held} requests wait"

    async def _ask(self) -> object:
        return await self._broker.instruments("SPY", "STK", "SMART")

    async def gone(self) -> None:
        """Wait for the answers, or for the news that there will be none."""
        await asyncio.gather(*self._tasks)


async def one_round(endpoint: GatewayEndpoint, number: int) -> tuple[float, float]:
    """Seconds of the order and of the cancel, each behind its crowd, over a connection of their own."""
    ears = Ears()
    async with Wiretap(
        upstream=lambda: (endpoint.host, endpoint.port), up=ears.on_up, down=lambda _: True
    ) as tap:
        broker = IbkrBroker(ConnectionSettings(port=tap.port, client_id=50 + number, request_timeout_s=60.0))
        await broker.connect(Deaf())
        fetched = await broker.instruments("SPY", "STK", "SMART")
        assert fetched.value, fetched.error
        spy = fetched.value[0]
        intent, order_id = resting(spy, number), broker.next_order_id()
        crowd = Crowd(broker, ears)
        await crowd.grow(BEHIND_ORDER)
        arrived, began = ears.expect(PLACE), time.monotonic()
        await broker.place(((intent, order_id),), spy, parent_ids=(0,))
        order_s = await arrived - began
        await crowd.grow(BEHIND_CANCEL)
        arrived, began = ears.expect(CANCEL), time.monotonic()
        await broker.cancel(Order(intent, OrderState.WORKING, order_id=order_id))
        cancel_s = await arrived - began
        await broker.disconnect()
        await crowd.gone()
    return order_s, cancel_s


async def measure(
    folder: Path, echo_port: int, *, rounds: int
) -> tuple[list[float], list[float], list[float]]:
    """Order, cancel and echo times in seconds."""
    plan = plan_for(folder, speed=1.0, seed=3, world="edge", tape="", start_at="10:00")
    gateway = GatewayProcess.spawn(plan)
    orders, cancels = [], []
    try:
        endpoint = await gateway.ready()
        echo = await EchoClient.connect(echo_port)
        for number in range(rounds):
            order_s, cancel_s = await one_round(endpoint, number)
            orders.append(order_s)
            cancels.append(cancel_s)
            for _ in range(10):
                await echo.ask()
        echo.close()
    finally:
        await gateway.stop()
    return orders, cancels, echo.times_s


def figures(*, quick: bool = False) -> list[Figure]:
    """The figures of one run; each is the worst of its rounds."""
    rounds = 2 if quick else 10
    with EchoProcess() as echo, tempfile.TemporaryDirectory(prefix="ck-") as name:
        orders, cancels, echoes = asyncio.run(measure(Path(name), echo.port, rounds=rounds))
    control = quantile(echoes, 0.5)
    return [
        Figure(
            f"{words}, worst of {rounds}",
            max(times) * 1e3,
            "ms",
            aim,
            f"p50 {quantile(times, 0.5) * 1e3:.2f} ms = {quantile(times, 0.5) / control:.1f}x an echo",
        )
        for words, times, aim in (
            ("order behind 60 requests", orders, 5.0),
            ("cancel behind 600 requests", cancels, 100.0),
        )
    ]


def main() -> None:
    """Print the table."""
    show(figures(quick="--quick" in sys.argv))


if __name__ == "__main__":
    main()
