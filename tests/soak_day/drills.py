"""What goes wrong on a soak day, as data: the fault, and the alerts of ERROR or worse that it announces.

An alert that a drill announces is what a person has to hear of such a fault; it is allowed while the drill
lasts. Whatever else is logged as an error fails the day.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from engine.api import Snapshot
from engine.runtime.process.gateway_process import running_gateway
from tests.storm.real import RealCockpit
from tests.waiting import eventually


class Fault(NamedTuple):
    """What was done."""

    what: str
    """In words; empty where nothing could be done."""
    lasts_s: float = 0.0
    """Real seconds until it ends by itself."""


NOTHING: Final = Fault("")
Act = Callable[[RealCockpit, random.Random], Fault]

BACK_S: Final = 150.0
"""Longest wait for a gateway that reads its tape again, and for what somebody else did to be seen."""
DATA: Final = frozenset({"staleness", "health"})
LINK: Final = DATA | {"link_down"}
"""At 20x a line that is away for three seconds is a minute without prices."""
CUT_SHORT: Final = ("exit not done:",)
"""An exit that was on its way when the line went; its stop stays, and it is asked for again."""
INTO_SILENCE: Final = "sending → unknown"
"""An order that was sent to a peer that had frozen already: nobody can say what became of it."""
UPLINK: Final = (*CUT_SHORT, "broker 1100:", "broker 1101:")
"""What the broker itself says of its line."""


@dataclass(frozen=True, slots=True)
class Drill:
    """One thing that goes wrong."""

    name: str
    act: Act
    announces: frozenset[str] = frozenset()
    """Codes of the alerts that may be raised while it lasts."""
    says: tuple[str, ...] = ()
    """Words of the other lines of ERROR that belong to it."""
    weight: int = 2
    is_armed: bool = False
    """True where it waits for the next order of its kind, and must be taken back at its end."""


def _ask(**fault: object) -> Act:
    def act(cockpit: RealCockpit, _: random.Random) -> Fault:
        cockpit.ask(**fault)
        return Fault(" ".join(str(value) for value in fault.values()), float(str(fault.get("seconds", 0.0))))

    return act


def _drop(cockpit: RealCockpit, dice: random.Random) -> Fault:
    seconds = round(dice.uniform(0.0, 2.0), 2)
    cockpit.ask(do="drop", seconds=seconds)
    return Fault(f"cut for {seconds} s", seconds)


def _freeze(cockpit: RealCockpit, dice: random.Random) -> Fault:
    seconds = round(dice.uniform(1.0, 8.0), 1)
    cockpit.ask(do="freeze", seconds=seconds)
    return Fault(f"silent for {seconds} s", seconds)


def _uplink(cockpit: RealCockpit, dice: random.Random) -> Fault:
    """1100, and the same line well again a moment later, with or without its data."""
    cockpit.ask(do="error", code=1100)
    code = dice.choice((1101, 1102))
    cockpit.until(lambda s: not s.connected, within_s=60.0, why="1100 was not noticed")
    cockpit.ask(do="error", code=code)
    return Fault(f"1100, then {code}")


def _kill(cockpit: RealCockpit, _: random.Random) -> Fault:
    cockpit.kill()
    cockpit.start()
    return Fault("killed and started again")


def _restart_at_night(cockpit: RealCockpit, _: random.Random) -> Fault:
    cockpit.ask(do="error", code=1100)
    before = running_gateway(cockpit.state)
    cockpit.kill_gateway()
    eventually(
        lambda: running_gateway(cockpit.state) not in (None, before), within_s=BACK_S, why="another gateway"
    )
    return Fault("1100, then the gateway ended and came back")


def _held(cockpit: RealCockpit, dice: random.Random) -> tuple[str, int] | None:
    """A position of ours at the exchange."""
    held = sorted(cockpit.ask(do="report")["positions"].items())
    return dice.choice(held) if held else None


def _close_elsewhere(cockpit: RealCockpit, dice: random.Random) -> Fault:
    found = _held(cockpit, dice)
    if found is None:
        return NOTHING
    symbol, quantity = found
    action = "SELL" if quantity > 0 else "BUY"
    cockpit.ask(do="external_order", symbol=symbol, action=action, quantity=abs(quantity))
    return Fault(f"{quantity} {symbol} closed by somebody else")


def _strangers_buy(cockpit: RealCockpit, dice: random.Random) -> Fault:
    """In a stock that the engine does not hold: what it then finds is nobody's it knows."""
    held = cockpit.ask(do="report")["positions"]
    shown = cockpit.snapshot()
    free = [] if shown is None else [symbol for symbol in _traded(shown) if symbol not in held]
    if not free:
        return NOTHING
    symbol, quantity = dice.choice(free), dice.randrange(5, 60)
    cockpit.ask(do="external_order", symbol=symbol, action="BUY", quantity=quantity)
    cockpit.until(
        lambda s: s.recovery.open_rows or symbol in {p.symbol for p in s.positions},
        within_s=BACK_S,
        why=f"{quantity} {symbol} of somebody else was not seen",
    )
    return Fault(f"somebody else bought {quantity} {symbol}")


def _traded(shown: Snapshot) -> list[str]:
    return sorted({symbol for strategy in shown.strategies for symbol in strategy.symbols})


def _refuse(ref: str) -> Act:
    def act(cockpit: RealCockpit, _: random.Random) -> Fault:
        cockpit.ask(do="reject_next", ref=ref, code=201)
        return Fault(f"the next {ref[1:]} is refused")

    return act


DRILLS: Final = (
    Drill("link-loss", _drop, LINK, CUT_SHORT, weight=4),
    Drill("frozen-peer", _freeze, LINK | {"unknown_order"}, (*CUT_SHORT, INTO_SILENCE), weight=3),
    Drill("uplink", _uplink, LINK, UPLINK),
    Drill("stale-data", _ask(do="mute", seconds=4.0), DATA),
    Drill("entry-refused", _refuse("-entry"), is_armed=True),
    Drill("exit-refused", _refuse("-exit"), says=CUT_SHORT, is_armed=True),
    Drill("stop-refused", _refuse("-stop"), frozenset({"naked"}), is_armed=True),
    Drill("partial-fill", _ask(do="split_next", ref="-entry", parts=4), is_armed=True),
    Drill("slow-answers", _ask(do="delay_orders", seconds=1.0), weight=1, is_armed=True),
    Drill("said-twice", _ask(do="duplicate", count=40), weight=1, is_armed=True),
    Drill("orphan", _strangers_buy, frozenset({"reconcile_mismatch"}), ("its metadata is lost",), weight=3),
    Drill("external-close", _close_elsewhere, frozenset({"reconcile_mismatch"}), weight=3),
    Drill("kill-9", _kill, LINK, weight=3),
    Drill("nightly-restart", _restart_at_night, LINK, UPLINK, weight=1),
)


def drawn(dice: random.Random) -> Drill:
    """The next one, by weight."""
    return dice.choices(DRILLS, [drill.weight for drill in DRILLS])[0]
