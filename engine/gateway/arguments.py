"""The command line of the gateway process, read into GatewaySettings."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from engine.gateway.model import GatewaySettings, Limits


def parse_arguments(arguments: Sequence[str]) -> GatewaySettings:
    """The settings the arguments ask for; exits with code 2 on wrong use, as argparse does."""
    given = _parser(GatewaySettings(state_dir="")).parse_args(arguments)
    return GatewaySettings(
        state_dir=str(Path(given.state).resolve()),
        port=given.port,
        seed=given.seed,
        speed=given.speed,
        world=given.world,
        tape=str(Path(given.tape).resolve()) if given.tape else "",
        start_at=given.start_at,
        session_date=given.date,
        account=given.account,
        cash=given.cash,
        idle_exit_s=given.idle_exit,
        lockstep=given.lockstep,
        limits=Limits(data_lines=given.data_lines),
    )


def _parser(default: GatewaySettings) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m engine.gateway",
        description="A paper gateway on loopback: the TWS API in front of a simulated exchange and account.",
    )
    add = parser.add_argument
    add("--state", required=True, metavar="DIR", help="folder of the journal, the status file and the lock")
    add("--port", type=_port, default=default.port, help="TCP port on 127.0.0.1; 0 = any free one (default)")
    add("--seed", type=int, default=default.seed, help="seed of the synthetic market")
    add("--speed", type=_positive, default=default.speed, help="exchange seconds per second")
    add(
        "--world",
        default=default.world,
        help="what can be learnt of the synthetic futures: null, edge, flip or costly",
    )
    add(
        "--tape",
        default=default.tape,
        metavar="DIR",
        help="replay recorded data instead of a synthetic market",
    )
    add("--start-at", default=default.start_at, metavar="HH:MM", help="New York time a session starts at")
    add("--date", default=default.session_date, metavar="YYYY-MM-DD", help="session to start in")
    add("--account", default=default.account, help="account id; paper accounts begin with DU")
    add("--cash", type=_positive, default=default.cash, help="cash of a new account, in USD")
    add(
        "--data-lines",
        type=_count,
        default=default.limits.data_lines,
        metavar="N",
        help="market data lines of the account",
    )
    add(
        "--idle-exit",
        type=_positive,
        default=default.idle_exit_s,
        metavar="S",
        help="exit when alone this long",
    )
    add("--lockstep", action="store_true", help="the clock moves one second per reqCurrentTime")
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65_535:
        raise argparse.ArgumentTypeError(f"{text} is not a port (0..65535)")
    return value
