"""Drills of the line: codes of the connection, silence, loss, delay, and lists that never end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.gateway.drill import Arguments, Drill, seconds
from engine.gateway.faults import END_MARKERS
from engine.gateway.order_events import release_all, release_commissions
from engine.gateway.server import GatewayServer

_DATA_LOST: Final = 1101
_FOR_EVER: Final = 1_000_000
_TEXTS: Final = {
    1100: "Connectivity between IBKR and Trader Workstation has been lost.",
    1101: "Connectivity between IBKR and Trader Workstation has been restored - data lost.",
    1102: "Connectivity between IBKR and Trader Workstation has been restored - data maintained.",
    2103: "Market data farm connection is broken:usfarm",
    2104: "Market data farm connection is OK:usfarm",
}


def _error(server: GatewayServer, asked: Arguments) -> None:
    code = int(asked["code"])
    text = str(asked.get("text") or _TEXTS.get(code, "injected by a drill"))
    request_id = int(asked.get("id", -1))
    for session in server.venue.started():
        if code == _DATA_LOST:
            session.subscriptions.lose_data()
        session.error(code, text, request_id=request_id)
        session.flush()


def _freeze(server: GatewayServer, asked: Arguments) -> None:
    server.venue.faults.frozen_until = server.venue.monotonic() + seconds(asked)


def _mute(server: GatewayServer, asked: Arguments) -> None:
    server.venue.faults.muted_until = server.venue.monotonic() + seconds(asked)


def _drop(server: GatewayServer, asked: Arguments) -> None:
    server.venue.faults.away_until = server.venue.monotonic() + seconds(asked, default=0.0)
    server.drop_all()


def _delay(server: GatewayServer, asked: Arguments) -> None:
    server.venue.faults.answer_delay_s = seconds(asked)


def _delay_orders(server: GatewayServer, asked: Arguments) -> None:
    server.venue.faults.order_delay_s = seconds(asked)
    if not server.venue.faults.order_delay_s:
        release_all(server.venue)


def _delay_commissions(server: GatewayServer, asked: Arguments) -> None:
    server.venue.faults.commission_delay_s = seconds(asked)
    if not server.venue.faults.commission_delay_s:
        release_commissions(server.venue)


def _master_client(server: GatewayServer, asked: Arguments) -> None:
    server.venue.faults.master_client = int(asked["client_id"])


def _withhold(server: GatewayServer, asked: Arguments) -> None:
    names = asked.get("markers") or list(END_MARKERS)
    unknown = [name for name in names if name not in END_MARKERS]
    if unknown:
        raise ValueError(f"no end marker is called {', '.join(unknown)}; known: {', '.join(END_MARKERS)}")
    times = int(asked.get("count", _FOR_EVER))
    server.venue.faults.withheld.update({END_MARKERS[name]: times for name in names})


def _duplicate(server: GatewayServer, asked: Arguments) -> None:
    server.venue.faults.duplicates = int(asked["count"])


def _data_type(server: GatewayServer, asked: Arguments) -> None:
    kind = int(asked["type"])
    if kind not in {1, 2, 3, 4}:
        raise ValueError(f"type {kind} is not 1..4")
    server.venue.faults.market_data_type = kind


def _id_rollback(server: GatewayServer, asked: Arguments) -> None:
    server.venue.faults.order_id_rollback = int(asked["count"])


def _clear(server: GatewayServer, asked: Arguments) -> None:
    server.venue.faults.clear()
    release_all(server.venue)
    release_commissions(server.venue)


DRILLS: Final[Mapping[str, Drill]] = {
    "error": _error,
    "freeze": _freeze,
    "mute": _mute,
    "drop": _drop,
    "delay": _delay,
    "delay_orders": _delay_orders,
    "delay_commissions": _delay_commissions,
    "master_client": _master_client,
    "withhold": _withhold,
    "duplicate": _duplicate,
    "data_type": _data_type,
    "id_rollback": _id_rollback,
    "clear": _clear,
}
