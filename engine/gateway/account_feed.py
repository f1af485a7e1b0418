"""Keeps subscribers of account, positions and P&L up to date: at once after fills, by interval otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from engine.gateway import encode_account
from engine.gateway.encode_account import AccountValue
from engine.gateway.model import AccountView, PositionView
from engine.gateway.session import Session
from engine.gateway.venue import Venue
from engine.gateway.wire_text import EXCHANGE_ZONE

ACCOUNT_INTERVAL_S: Final = 3.0
"""Wall seconds between account value updates without a fill (TWS: three minutes)."""
PNL_INTERVAL_S: Final = 1.0
"""Wall seconds between P&L updates, as at TWS."""


def publish_account(venue: Venue) -> None:
    """Positions, portfolio and account values that changed, to their subscribers."""
    view = venue.exchange.account(now=venue.reached)
    for session in venue.started():
        if session.subscriptions.positions:
            send_positions(venue, session, view)
        send_account(venue, session, view)


def publish_pnl(venue: Venue) -> None:
    """By interval: P&L that changed, to its subscribers."""
    if not any(session.subscriptions.pnl for session in venue.started()):
        return
    view = venue.exchange.account(now=venue.reached)
    for session in venue.started():
        send_pnl(session, view)


def send_account(venue: Venue, session: Session, view: AccountView, *, whole: bool = False) -> None:
    """Values and portfolio lines that differ from what this client was told (`whole`: all of them)."""
    wanted = session.subscriptions
    if not (wanted.account or wanted.multi or wanted.summaries):
        return
    if whole:
        session.told_values.clear()
        session.told_portfolio.clear()
    changed = _changed_values(session, encode_account.account_values(view))
    if wanted.account:
        _send_updates(venue, session, view, changed)
    for request_id, model_code in wanted.multi.items():
        for value in changed:
            session.send(
                encode_account.account_update_multi(
                    value, request_id=request_id, account=view.account, model_code=model_code
                )
            )
    for request_id, tags in wanted.summaries.items():
        send_summary(session, view, (value for value in changed if value.key in tags), request_id=request_id)


def send_summary(
    session: Session, view: AccountView, values: Iterable[AccountValue], *, request_id: int
) -> None:
    """accountSummary lines of one subscription."""
    for value in values:
        session.send(encode_account.account_summary(value, request_id=request_id, account=view.account))


def _changed_values(session: Session, values: Iterable[AccountValue]) -> list[AccountValue]:
    changed = [value for value in values if session.told_values.get(value.key) != value.value]
    session.told_values.update((value.key, value.value) for value in changed)
    return changed


def _send_updates(venue: Venue, session: Session, view: AccountView, changed: Iterable[AccountValue]) -> None:
    for value in changed:
        session.send(encode_account.account_value(value, account=view.account))
    for held in _with_closed(session, view):
        told = (held.quantity, held.market_price, held.average_cost, held.realized_pnl)
        if session.told_portfolio.get(held.con_id) == told:
            continue
        session.told_portfolio[held.con_id] = told
        contract = venue.contract_of(held.con_id)
        session.send(encode_account.portfolio(held, contract, account=view.account))
    session.reply(8, 1, f"{datetime.fromtimestamp(venue.reached, EXCHANGE_ZONE):%H:%M}")


def _with_closed(session: Session, view: AccountView) -> list[PositionView]:
    """The positions, and one empty line for each that was told and is gone."""
    held = {position.con_id for position in view.positions}
    closed = [
        PositionView(con_id, 0, 0.0, told[1], 0.0, 0.0, told[3], 0.0)
        for con_id, told in session.told_portfolio.items()
        if con_id not in held
    ]
    return [*view.positions, *closed]


def send_positions(venue: Venue, session: Session, view: AccountView) -> None:
    """Positions that differ from what this client was told; closed ones with quantity 0, once."""
    now_held = {held.con_id: (held.quantity, held.average_cost) for held in view.positions if held.quantity}
    for con_id in session.told_positions.keys() - now_held.keys():
        _send_position(venue, session, con_id, quantity=0, average_cost=0.0)
    for con_id, (quantity, cost) in now_held.items():
        if session.told_positions.get(con_id) != (quantity, cost):
            _send_position(venue, session, con_id, quantity=quantity, average_cost=cost)
    session.told_positions = {con_id: (float(q), cost) for con_id, (q, cost) in now_held.items()}


def _send_position(
    venue: Venue, session: Session, con_id: int, *, quantity: int, average_cost: float
) -> None:
    session.send(
        encode_account.position(
            venue.contract_of(con_id),
            quantity=quantity,
            average_cost=average_cost,
            account=venue.settings.account,
        )
    )


def send_pnl(session: Session, view: AccountView) -> None:
    """P&L lines that differ from what this client was told."""
    by_contract = {held.con_id: held for held in view.positions}
    for request_id, line in session.subscriptions.pnl.items():
        held = by_contract.get(line.con_id)
        told = _pnl_of_account(view) if line.con_id == 0 else _pnl_of_position(held)
        if line.told == told:
            continue
        line.told = told
        if line.con_id == 0:
            session.send(encode_account.pnl(view, request_id=request_id))
        else:
            session.send(encode_account.pnl_single(held, request_id=request_id))


def _pnl_of_account(view: AccountView) -> tuple[float, ...]:
    return (view.daily_pnl, view.unrealized_pnl, view.realized_pnl)


def _pnl_of_position(held: PositionView | None) -> tuple[float, ...]:
    if held is None:
        return (0.0, 0.0, 0.0, 0.0)
    return (held.quantity, held.daily_pnl, held.realized_pnl, held.market_value)
