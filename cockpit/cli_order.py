"""The command for an order by hand. Its body is imported when it runs."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated

import typer

from cockpit.cli_parts import ConfigFile, StateDir, asker, fail, leave, load_config


class Way(StrEnum):
    """The two sides, as one types them."""

    BUY = "buy"
    SELL = "sell"


def add_to(app: typer.Typer) -> None:
    """Put this command on the command line."""
    app.command()(order)


def order(
    context: typer.Context,
    way: Annotated[Way, typer.Argument(metavar="buy|sell", help="Buy, or sell short.")],
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="An instrument the engine follows.")],
    quantity: Annotated[
        int | None, typer.Option("--quantity", metavar="N", help="Exactly so many; none: sized by risk.")
    ] = None,
    risk_pct: Annotated[
        float | None, typer.Option("--risk-pct", metavar="PERCENT", help="Loss at the stop, % of equity.")
    ] = None,
    limit: Annotated[
        float | None, typer.Option("--limit", metavar="PRICE", help="None: just through the touch.")
    ] = None,
    market: Annotated[bool, typer.Option("--market", help="At market instead of a limit.")] = False,
    stop: Annotated[
        float | None, typer.Option("--stop", metavar="PRICE", help="None: the configured distance.")
    ] = None,
    target: Annotated[
        float | None, typer.Option("--target", metavar="PRICE", help="Where its profit is taken.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Send it without asking.")] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with it.")] = "",
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Enter a position by hand: through the same gate as every strategy, with a stop at the broker.

    First what every check of the gate says; then it asks, at a terminal, or needs --yes.
    """
    from engine.api_orders import OrderWish
    from engine.runtime.process import remote
    from engine.runtime.shell import orders

    if quantity is not None and risk_pct is not None:
        fail("say --quantity or --risk-pct, not both.", code=2)
    if market and limit is not None:
        fail("choose one of --limit and --market.", code=2)

    def body() -> int:
        loaded, is_named = load_config(context, config, state)
        engine = remote.find(loaded, is_named=is_named, environ=os.environ)
        side = way.value.upper()
        wish = OrderWish(side, quantity, risk_pct, limit=limit, at_market=market, stop=stop, target=target)
        return orders.order(engine, symbol, wish, reason=reason, yes=yes, ask=asker(), say=typer.echo)

    leave(body)
