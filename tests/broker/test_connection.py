"""Connecting: every way it can fail says what happened, where, and what to do."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace

import pytest

from engine.broker.connection import EMBEDDED, account_problem, is_paper_account
from engine.broker.ibkr import IbkrBroker
from engine.broker.port import AccountError, BrokerError, ConnectError, LinkEvent, LinkState, Notice
from engine.broker.wire import ConnectionSettings
from tests.broker.conftest import FAST, Connect
from tests.broker.hearing import Hearing
from tests.broker.peer import ACCOUNT_UPDATES, START_API, ScriptedPeer
from tests.waiting import eventually_async

pytestmark = pytest.mark.req("PLAN-M3-CONN", "FUT-F1")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def refusal_of(settings: ConnectionSettings) -> str:
    with pytest.raises(ConnectError) as caught:
        await IbkrBroker(settings).connect(Hearing())
    return str(caught.value)


async def test_where_nobody_listens_the_error_names_the_place_and_the_remedy() -> None:
    port = free_port()

    text = await refusal_of(replace(FAST, port=port))

    assert f"127.0.0.1:{port}" in text
    assert "cockpit --paper" in text


async def test_a_peer_that_never_shakes_hands_is_given_up_after_the_timeout() -> None:
    async with ScriptedPeer(greeting=b"") as peer:
        text = await refusal_of(replace(FAST, port=peer.port, connect_timeout_s=0.2))

    assert "handshake within 0.2 s" in text


async def test_a_peer_that_shakes_hands_and_then_says_nothing_is_named() -> None:
    async with ScriptedPeer() as peer:
        peer.silent = {ACCOUNT_UPDATES}
        text = await refusal_of(replace(FAST, port=peer.port, request_timeout_s=0.2))

    assert "shook hands, then failed" in text
    assert "no answer within 0.2 s" in text


async def test_something_that_is_no_tws_is_recognised_at_once() -> None:
    async with ScriptedPeer(greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n") as peer:
        started = asyncio.get_running_loop().time()
        text = await refusal_of(replace(FAST, port=peer.port, connect_timeout_s=30.0))

    assert "does not speak the TWS protocol" in text
    assert asyncio.get_running_loop().time() - started < 5.0


async def test_a_client_id_in_use_is_told_at_once_and_the_id_is_kept() -> None:
    async with ScriptedPeer() as peer:
        peer.answers[START_API] = lambda _: [
            (4, 2, -1, 326, "Unable to connect as the client id is in use", "")
        ]
        text = await refusal_of(replace(FAST, port=peer.port, client_id=7, connect_timeout_s=30.0))

    assert "client id 7" in text
    assert "code 326" in text
    assert "connection.client_id" in text


async def test_a_server_that_is_too_old_is_told_so() -> None:
    async with ScriptedPeer(version=150) as peer:
        text = await refusal_of(replace(FAST, port=peer.port, connect_timeout_s=30.0))

    assert "older than version 157" in text


async def test_a_peer_that_hangs_up_during_the_handshake_is_told_at_once() -> None:
    async with ScriptedPeer() as peer:

        def hang_up(_: list[str]) -> list[tuple[object, ...]]:
            peer.drop()
            return []

        peer.answers[START_API] = hang_up
        text = await refusal_of(replace(FAST, port=peer.port, connect_timeout_s=30.0))

    assert "closed the connection during the handshake" in text


async def test_a_failed_attempt_leaves_the_broker_usable(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker = IbkrBroker(replace(FAST, port=peer.port, request_timeout_s=0.2))
        peer.silent = {ACCOUNT_UPDATES}
        with pytest.raises(ConnectError):
            await broker.connect(Hearing())
        assert broker.link is LinkState.DOWN

        peer.silent = set()
        hello = await broker.connect(Hearing())

        assert hello.account == "DU1"
        await broker.disconnect()


async def test_every_connection_begins_with_up_and_data_lost(connect: Connect) -> None:
    async with ScriptedPeer(kind=EMBEDDED, next_id=40) as peer:
        broker, hearing = await connect(peer.port)

        assert [event.state for event in hearing.of(LinkEvent)] == [LinkState.UP]
        assert hearing.of(LinkEvent)[0].data_lost
        assert broker.next_order_id() == 40


async def test_a_lost_socket_is_told_once_and_open_questions_end(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, hearing = await connect(peer.port)
        peer.silent = {"16"}
        asking = asyncio.ensure_future(broker.state())
        await eventually_async(lambda: peer.asked("16"))

        peer.drop()
        answer = await asking

        assert not answer.ok
        assert "lost" in answer.error
        assert [event.state for event in hearing.of(LinkEvent)] == [LinkState.UP, LinkState.DOWN]
        assert broker.link is LinkState.DOWN
        with pytest.raises(BrokerError):
            await broker.server_time()


async def test_reconnecting_uses_a_new_connection_and_order_ids_never_go_back(connect: Connect) -> None:
    async with ScriptedPeer(next_id=100) as peer:
        broker, _ = await connect(peer.port)
        used = [broker.next_order_id(), broker.next_order_id()]
        await broker.disconnect()
        peer.next_id = 90

        hello = await broker.connect(Hearing())

        assert peer.connections == 2
        assert used == [100, 101]
        assert hello.next_order_id == 102
        assert broker.next_order_id() == 102


async def test_order_ids_go_on_above_the_highest_one_known_from_before(connect: Connect) -> None:
    async with ScriptedPeer(next_id=5) as peer:
        broker, _ = await connect(peer.port, highest_order_id=500)

        assert broker.next_order_id() == 501
        assert broker.highest_order_id == 501


@pytest.mark.parametrize(
    ("code", "state", "data_lost"),
    [
        (1100, LinkState.BROKER_LOST, False),
        (2110, LinkState.BROKER_LOST, False),
        (1101, LinkState.UP, True),
    ],
)
async def test_the_brokers_own_outages_change_the_line(
    connect: Connect, code: int, state: LinkState, data_lost: bool
) -> None:
    async with ScriptedPeer() as peer:
        broker, hearing = await connect(peer.port)

        peer.say((4, 2, -1, code, "Connectivity", ""))
        await eventually_async(lambda: len(hearing.of(LinkEvent)) == 2)

        event = hearing.of(LinkEvent)[-1]
        assert (event.state, event.code, event.data_lost) == (state, code, data_lost)
        assert broker.link is state


async def test_after_an_outage_the_data_kept_message_brings_the_line_back(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, hearing = await connect(peer.port)

        peer.say((4, 2, -1, 1100, "lost", ""), (4, 2, -1, 1102, "restored", ""))
        await eventually_async(lambda: len(hearing.of(LinkEvent)) == 3)

        assert broker.link is LinkState.UP
        assert not hearing.of(LinkEvent)[-1].data_lost


async def test_a_restored_line_of_which_no_loss_was_heard_is_told(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        _, hearing = await connect(peer.port)

        peer.say((4, 2, -1, 1102, "restored", ""))
        await eventually_async(lambda: len(hearing.of(LinkEvent)) == 2)

        event = hearing.of(LinkEvent)[-1]
        assert (event.state, event.code) == (LinkState.UP, 1102)


async def test_garbage_after_the_handshake_is_told_and_the_line_lives(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, hearing = await connect(peer.port)

        peer.say((3, "not a number", "Submitted"), ("what?",), (4, 2, -1, 2104, "\x1b[31mfarm\x07 ok", ""))
        await eventually_async(lambda: [n for n in hearing.of(Notice) if n.code == 2104])

        unreadable = [notice for notice in hearing.of(Notice) if notice.code < 0]
        assert "message 3" in unreadable[0].text
        assert [n.text for n in hearing.of(Notice) if n.code == 2104] == ["[31mfarm ok"]
        await broker.server_time()


@pytest.mark.req("REQ-M1")
@pytest.mark.parametrize(
    ("mode", "port", "account", "embedded", "allowed"),
    [
        ("PAPER", 7497, "DU1", False, True),
        ("PAPER", 4002, "DF1", False, True),
        ("PAPER", 7497, "U1", False, False),
        ("PAPER", 7496, "DU1", False, False),
        ("PAPER", 5000, "DU1", True, True),
        ("PAPER", 5000, "U1", True, False),
        ("LIVE", 7496, "U1", False, True),
        ("LIVE", 7497, "U1", False, False),
        ("LIVE", 7496, "DU1", False, False),
        ("LIVE", 5000, "U1", False, True),
        ("LIVE", 5000, "U1", True, False),
        ("LIVE", 5000, "DU1", True, False),
        ("DRY_RUN", 7496, "U1", False, True),
    ],
)
def test_mode_port_and_account_must_agree(
    mode: str, port: int, account: str, embedded: bool, allowed: bool
) -> None:
    settings = ConnectionSettings(mode=mode, port=port)  # type: ignore[arg-type]  # parametrised

    problem = account_problem(settings, account=account, embedded=embedded)

    assert (problem == "") is allowed


def test_only_the_paper_prefixes_are_paper() -> None:
    assert is_paper_account("DU123")
    assert is_paper_account("DF123")
    assert not is_paper_account("U123")
    assert not is_paper_account("D123")


@pytest.mark.parametrize(
    ("mode", "account", "kind"), [("PAPER", "U777", ""), ("LIVE", "DU1", ""), ("LIVE", "U777", EMBEDDED)]
)
async def test_the_wrong_account_closes_the_line_and_is_no_connection_error(
    mode: str, account: str, kind: str
) -> None:
    async with ScriptedPeer(account=account, kind=kind) as peer:
        hearing = Hearing()
        broker = IbkrBroker(replace(FAST, port=peer.port, mode=mode))  # type: ignore[arg-type]  # parametrised

        with pytest.raises(AccountError, match=str(peer.port)):
            await broker.connect(hearing)

        assert broker.link is LinkState.DOWN
        assert not hearing.of(LinkEvent)


@pytest.mark.req("FUT-OOS")
async def test_a_login_with_several_accounts_needs_one_to_be_named(connect: Connect) -> None:
    async with ScriptedPeer(account="DU1,DU2") as peer:
        with pytest.raises(AccountError, match=r"DU1, DU2.*connection\.account"):
            await connect(peer.port)
        with pytest.raises(AccountError, match="DU9"):
            await connect(peer.port, account="DU9")
