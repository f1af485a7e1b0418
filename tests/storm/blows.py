"""What strikes at a moment: the line, the process, the disk, the gateway, a strategy, somebody else."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.broker.port import LinkState
from tests.storm import outsiders
from tests.storm.held import INSTRUMENTS
from tests.storm.line import StormBroker
from tests.storm.weather import Blow

if TYPE_CHECKING:
    from tests.storm.world import Storm


def drop(storm: Storm, _: random.Random) -> None:
    """The socket is gone."""
    if storm.broker is not None and storm.life is not None:
        storm.broker.drop("connection reset")


def freeze(storm: Storm, rng: random.Random) -> None:
    """The peer stops answering for a while."""
    if storm.broker is not None and storm.life is not None:
        storm.broker.freeze(rng.uniform(0.5, 25.0))


def uplink(storm: Storm, rng: random.Random) -> None:
    """1100, and a while later 1101 or 1102."""
    broker = storm.broker
    if broker is None or storm.life is None or broker.link is not LinkState.UP:
        return
    broker.change(LinkState.BROKER_LOST, "connectivity lost", code=1100)
    if broker.session is not None:
        broker.session.deaf = rng.random() < 0.7
    storm.loop.later(rng.uniform(0.2, 15.0), _uplink_back, broker, rng.random() < 0.5)


def _uplink_back(broker: StormBroker, data_lost: bool) -> None:
    if broker.link is LinkState.BROKER_LOST:
        _restored(broker, data_lost)


def _restored(broker: StormBroker, data_lost: bool) -> None:
    if broker.session is not None:
        broker.session.deaf = False
    code = 1101 if data_lost else 1102
    broker.change(LinkState.UP, "connectivity restored", code=code, data_lost=data_lost)


def blip(storm: Storm, rng: random.Random) -> None:
    """1101 or 1102 out of the blue."""
    broker = storm.broker
    if broker is not None and storm.life is not None and broker.link is LinkState.UP:
        _restored(broker, rng.random() < 0.5)


def crash_at(storm: Storm, kind: str, rng: random.Random) -> None:
    """Death at one of the next commits or sends, sometimes once more while it recovers."""
    storm.fate.arm(kind, rng.randint(1, 12), after=rng.random() < 0.5)
    if rng.random() < 0.4:
        storm.fate.arm(kind, rng.randint(1, 6), after=rng.random() < 0.5)


def fill_disk(storm: Storm, rng: random.Random) -> None:
    """No write is taken for a while."""
    storm.disk.is_full = True
    storm.loop.later(rng.uniform(1.0, 12.0), _free, storm)


def _free(storm: Storm) -> None:
    storm.disk.is_full = False


def restart_gateway(storm: Storm, rng: random.Random) -> None:
    """Sessions end, and order ids roll back."""
    drop(storm, rng)
    storm.exchange.next_valid_id = max(1, storm.exchange.next_valid_id - rng.randint(1, 6))


def break_strategy(storm: Storm, rng: random.Random) -> None:
    """One strategy raises at its next bar."""
    storm.mood.breaks = rng.choice(("one", "two"))


def external_trade(storm: Storm, rng: random.Random) -> None:
    """Somebody else trades the account."""
    key, quantity = rng.choice(tuple(INSTRUMENTS)), rng.choice((-7, -3, 4, 9))
    outsiders.trade(storm.exchange, key, quantity)


def external_order(storm: Storm, rng: random.Random) -> None:
    """Somebody else leaves an order."""
    outsiders.leave_order(storm.exchange, rng.choice(tuple(INSTRUMENTS)))


def hang(storm: Storm, rng: random.Random) -> None:
    """The process stands still. Half of the time somebody at a shell does not wait for it."""
    life = storm.life
    if life is None or life.hung is not None:
        return
    storm.hang(life)
    if rng.random() < 0.5:
        storm.loop.later(rng.uniform(2.0, 10.0), storm.operator.kill_from_a_shell, life)
    else:
        storm.loop.later(rng.uniform(1.0, 25.0), storm.go_on, life)


BLOWS: dict[Blow, Callable[[Storm, random.Random], None]] = {
    Blow.DROP: drop,
    Blow.FREEZE: freeze,
    Blow.UPLINK: uplink,
    Blow.BLIP: blip,
    Blow.CRASH: lambda storm, _: storm.kill("at a moment"),
    Blow.CRASH_AT_COMMIT: lambda storm, rng: crash_at(storm, "commit", rng),
    Blow.CRASH_AT_SEND: lambda storm, rng: crash_at(storm, "send", rng),
    Blow.DISK: fill_disk,
    Blow.GATEWAY: restart_gateway,
    Blow.STRATEGY: break_strategy,
    Blow.EXTERNAL_TRADE: external_trade,
    Blow.EXTERNAL_ORDER: external_order,
    Blow.EXTERNAL_CANCEL: lambda storm, _: outsiders.cancel_a_stop(storm.exchange),
    Blow.CORRECTION: lambda storm, _: storm.exchange.correct(),
    Blow.HANG: hang,
    Blow.KILL_FILE: lambda storm, rng: storm.operator.leave_kill_file(rng),
    Blow.OPERATOR: lambda storm, rng: storm.operator.act(rng),
}
