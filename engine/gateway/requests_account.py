"""Requests about the account: updates, summary, positions, P&L, and who and when the gateway is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.gateway import account_feed, encode_account
from engine.gateway.codec import FieldReader
from engine.gateway.handler import Handler
from engine.gateway.session import PnlLine, Session
from engine.gateway.venue import Venue

_VALIDATION: Final = 321
_ALL_TAGS: Final = "All"


def managed_accounts(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqManagedAccts (17)."""
    session.reply(15, 1, venue.settings.account)


def current_time(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqCurrentTime (49): whole seconds. In lockstep it plays one step first (see `clock`)."""
    if venue.step_requested is not None:
        venue.step_requested()
    session.reply(49, 1, int(venue.clock.now()))


def user_info(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqUserInfo (104): no white branding."""
    session.reply(107, reader.integer("reqId"), "")


def account_updates(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqAccountUpdates (6): subscribe or unsubscribe."""
    reader.integer("version")
    session.subscriptions.account = reader.flag("subscribe")
    account = reader.text("acctCode")
    if not session.subscriptions.account:
        return
    if not _is_ours(venue, session, account):
        session.subscriptions.account = False
        return
    view = venue.exchange.account(now=venue.reached)
    account_feed.send_account(venue, session, view, whole=True)
    session.reply(54, 1, venue.settings.account)


def _is_ours(venue: Venue, session: Session, account: str, *, request_id: int = -1) -> bool:
    if account in {"", "All", venue.settings.account}:
        return True
    session.error(
        _VALIDATION,
        f"Error validating request.-'account' : cause - Invalid account code '{account}'; "
        f"this gateway holds {venue.settings.account}",
        request_id=request_id,
    )
    return False


def account_updates_multi(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqAccountUpdatesMulti (76)."""
    reader.integer("version")
    request_id = reader.integer("reqId")
    account = reader.text("account")
    model_code = reader.text("modelCode")
    if not _is_ours(venue, session, account, request_id=request_id):
        return
    view = venue.exchange.account(now=venue.reached)
    for value in encode_account.account_values(view):
        session.send(
            encode_account.account_update_multi(
                value, request_id=request_id, account=view.account, model_code=model_code
            )
        )
    session.reply(74, 1, request_id)
    session.subscriptions.multi[request_id] = model_code


def cancel_account_updates_multi(venue: Venue, session: Session, reader: FieldReader) -> None:
    """cancelAccountUpdatesMulti (77)."""
    reader.integer("version")
    session.subscriptions.multi.pop(reader.integer("reqId"), None)


def account_summary(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqAccountSummary (62): the tags asked for; `All` and `$LEDGER` give every value."""
    reader.integer("version")
    request_id = reader.integer("reqId")
    reader.text("group")
    view = venue.exchange.account(now=venue.reached)
    values = encode_account.account_values(view)
    asked = {tag.strip() for tag in reader.text("tags").split(",")}
    everything = _ALL_TAGS in asked or any(tag.startswith("$LEDGER") for tag in asked)
    tags = tuple(value.key for value in values if everything or value.key in asked)
    session.subscriptions.summaries[request_id] = tags
    wanted = (value for value in values if value.key in tags)
    account_feed.send_summary(session, view, wanted, request_id=request_id)
    session.reply(64, 1, request_id)


def cancel_account_summary(venue: Venue, session: Session, reader: FieldReader) -> None:
    """cancelAccountSummary (63)."""
    reader.integer("version")
    session.subscriptions.summaries.pop(reader.integer("reqId"), None)


def positions(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqPositions (61)."""
    session.told_positions.clear()
    account_feed.send_positions(venue, session, venue.exchange.account(now=venue.reached))
    session.reply(62, 1)
    session.subscriptions.positions = True


def cancel_positions(venue: Venue, session: Session, reader: FieldReader) -> None:
    """cancelPositions (64)."""
    session.subscriptions.positions = False


def pnl(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqPnL (92): the account's."""
    request_id = reader.integer("reqId")
    _subscribe_pnl(venue, session, request_id, account=reader.text("account"), con_id=0)


def pnl_single(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqPnLSingle (94): one contract's."""
    request_id = reader.integer("reqId")
    account = reader.text("account")
    reader.text("modelCode")
    con_id = reader.integer("conId")
    if con_id not in venue.contracts:
        session.error(_VALIDATION, f"no contract has the conId {con_id}", request_id=request_id)
        return
    _subscribe_pnl(venue, session, request_id, account=account, con_id=con_id)


def _subscribe_pnl(venue: Venue, session: Session, request_id: int, *, account: str, con_id: int) -> None:
    if not _is_ours(venue, session, account, request_id=request_id):
        return
    session.subscriptions.pnl[request_id] = PnlLine(con_id)
    account_feed.send_pnl(session, venue.exchange.account(now=venue.reached))


def cancel_pnl(venue: Venue, session: Session, reader: FieldReader) -> None:
    """cancelPnL (93) and cancelPnLSingle (95)."""
    session.subscriptions.pnl.pop(reader.integer("reqId"), None)


HANDLERS: Final[Mapping[int, Handler]] = {
    6: account_updates,
    17: managed_accounts,
    49: current_time,
    61: positions,
    62: account_summary,
    63: cancel_account_summary,
    64: cancel_positions,
    76: account_updates_multi,
    77: cancel_account_updates_multi,
    92: pnl,
    93: cancel_pnl,
    94: pnl_single,
    95: cancel_pnl,
    104: user_info,
}
