"""Quotes, bars and depth from raw messages: told once per packet, with what is missing left missing."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from engine.broker import market_data
from engine.broker.codes import PACED
from engine.broker.ibkr import IbkrBroker
from engine.broker.pacing import HistoryPacing
from engine.broker.port import DataType, Notice, ProductHalt
from engine.domain.market import Level
from tests.broker.conftest import Connect
from tests.broker.hearing import ES, SPY, Hearing
from tests.broker.peer import DEPTH, MARKET_DATA, REAL_TIME_BARS, ScriptedPeer
from tests.waiting import eventually_async


def price(request: str, tick: int, value: object, size: object) -> tuple[object, ...]:
    return (1, 6, request, tick, value, size, 0)


async def subscribed(
    peer: ScriptedPeer, connect: Connect, *, depth: int = 0
) -> tuple[IbkrBroker, Hearing, dict[str, str]]:
    """A broker with SPY on, and the request id of each line by message id."""
    broker, hearing = await connect(peer.port)
    broker.subscribe(SPY)
    if depth:
        broker.subscribe_depth(SPY, depth)
    await eventually_async(lambda: peer.asked(MARKET_DATA) and peer.asked(REAL_TIME_BARS))
    if depth:
        await eventually_async(lambda: peer.asked(DEPTH))
    ids = {MARKET_DATA: peer.asked(MARKET_DATA)[0][2], REAL_TIME_BARS: peer.asked(REAL_TIME_BARS)[0][2]}
    if depth:
        ids[DEPTH] = peer.asked(DEPTH)[0][2]
    return broker, hearing, ids


@pytest.mark.req("FUT-DO-8")
async def test_the_data_type_is_asked_once_and_before_any_line(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, _, _ = await subscribed(peer, connect)
        broker.subscribe(ES)
        await eventually_async(lambda: len(peer.asked(MARKET_DATA)) == 2)

        order = [fields[0] for fields in peer.received]
        assert order.count("59") == 1
        assert order.index("59") < order.index(MARKET_DATA)
        assert peer.asked("59")[0] == ["59", "1", "1"]


@pytest.mark.req("REQ-EX1")
async def test_a_halt_flag_is_told_once_and_its_end_too(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        _, hearing, ids = await subscribed(peer, connect)
        quote = ids[MARKET_DATA]
        for flag in ("0", "1.0", "1.0", "0"):
            peer.say((45, 6, quote, 49, flag))
        await eventually_async(lambda: len(hearing.of(ProductHalt)) == 2)

        assert [(halt.key, halt.flag) for halt in hearing.of(ProductHalt)] == [("SPY", 1), ("SPY", 0)]


@pytest.mark.req("FUT-DO-8")
async def test_the_type_really_delivered_is_told_and_delayed_ticks_betray_themselves(
    connect: Connect,
) -> None:
    async with ScriptedPeer() as peer:
        _, hearing, ids = await subscribed(peer, connect)

        peer.say((58, 1, ids[MARKET_DATA], 1), price(ids[MARKET_DATA], 66, 100.0, 5))
        await eventually_async(lambda: hearing.quotes)

        assert hearing.of(DataType) == [DataType("SPY", 1), DataType("SPY", 3)]
        assert hearing.quotes[-1].bid == 100.0


async def test_one_packet_is_one_quote_so_that_half_an_update_never_shows(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        _, hearing, ids = await subscribed(peer, connect)
        line = ids[MARKET_DATA]

        peer.say(price(line, 1, 100.0, 5), price(line, 2, 100.02, 7), price(line, 4, 100.01, 2))
        await eventually_async(lambda: hearing.quotes)
        peer.say(price(line, 1, 100.05, 6), price(line, 2, 100.07, 8))
        await eventually_async(lambda: len(hearing.quotes) == 2)

        first, second = hearing.quotes
        assert (first.bid, first.ask, first.bid_size, first.ask_size) == (100.0, 100.02, 5, 7)
        assert (first.last, first.last_size) == (100.01, 2)
        assert (second.bid, second.ask) == (100.05, 100.07)
        assert second.at >= first.at > 0


async def test_a_side_that_goes_missing_is_nan_with_size_zero(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        _, hearing, ids = await subscribed(peer, connect)
        line = ids[MARKET_DATA]

        peer.say(price(line, 1, 100.0, 5), price(line, 2, -1, 0))
        await eventually_async(lambda: hearing.quotes)

        quote = hearing.quotes[-1]
        assert math.isnan(quote.ask)
        assert quote.ask_size == 0
        assert not quote.is_two_sided


async def test_a_repeated_size_is_no_news_and_a_changed_one_is(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, hearing, ids = await subscribed(peer, connect)
        line = ids[MARKET_DATA]

        peer.say(price(line, 1, 100.0, 5), (2, 6, line, 0, 5))
        await eventually_async(lambda: hearing.quotes)
        peer.say((2, 6, line, 0, 5))
        await broker.server_time()
        assert len(hearing.quotes) == 1
        peer.say((2, 6, line, 0, 9), (2, 6, line, 3, 4))
        await eventually_async(lambda: hearing.quotes[-1].bid_size == 9)

        assert len(hearing.quotes) == 2
        assert hearing.quotes[-1].ask_size == 0  # there is no ask whose size this could be


async def test_a_print_stamped_ahead_of_our_clock_corrects_the_quote_time(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        _, hearing, ids = await subscribed(peer, connect)
        line = ids[MARKET_DATA]

        peer.say((46, 6, line, 45, "4102444800"), price(line, 1, 100.0, 5))
        await eventually_async(lambda: hearing.quotes)

        assert hearing.quotes[-1].at == 4102444800.0


async def test_bars_end_five_seconds_after_their_start_and_bad_ones_are_dropped_aloud(
    connect: Connect,
) -> None:
    async with ScriptedPeer() as peer:
        _, hearing, ids = await subscribed(peer, connect)
        line = ids[REAL_TIME_BARS]

        peer.say(
            (50, 3, line, 1_795_186_800, 10, 9, 8, 8.5, 100, 9, 5),
            (50, 3, line, 1_795_186_805, 10, 11, 9, 10.5, 120, 10.2, 7),
        )
        await eventually_async(lambda: hearing.bars)

        (bar,) = hearing.bars
        assert bar.end.isoformat() == "2026-11-20T15:00:10+00:00"
        assert (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.seconds) == (10, 11, 9, 10.5, 120, 5)
        assert "high/low" in hearing.of(Notice)[-1].text


async def test_depth_is_our_own_list_and_a_reset_clears_it(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        _, hearing, ids = await subscribed(peer, connect, depth=3)
        line = ids[DEPTH]

        peer.say(
            (13, 1, line, 0, "ARCA", 0, 1, 99.0, 5, 1),
            (13, 1, line, 0, "NSDQ", 0, 1, 100.0, 6, 1),
            (12, 1, line, 0, 0, 0, 101.0, 7),
        )
        await eventually_async(lambda: hearing.books)
        assert hearing.books[-1].bids == (Level(100.0, 6), Level(99.0, 5))
        assert hearing.books[-1].asks == (Level(101.0, 7),)

        peer.say((4, 2, line, 317, "Market depth data has been RESET", ""))
        await eventually_async(lambda: len(hearing.books) == 2)
        assert hearing.books[-1].bids == ()


async def test_a_message_that_does_not_fit_asks_for_the_book_anew(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        _, hearing, ids = await subscribed(peer, connect, depth=3)

        peer.say((12, 1, ids[DEPTH], 2, 1, 1, 99.0, 5))
        await eventually_async(lambda: len(peer.asked(DEPTH)) == 2)

        assert peer.asked("11")[0][2] == ids[DEPTH]
        assert [notice.code for notice in hearing.of(Notice)] == [317]
        anew = peer.asked(DEPTH)[1][2]
        peer.say((12, 1, ids[DEPTH], 0, 0, 1, 1.0, 1), (12, 1, anew, 0, 0, 1, 99.0, 5))
        await eventually_async(lambda: hearing.books)
        assert hearing.books[-1].bids == (Level(99.0, 5),)


async def test_a_listener_that_raises_is_told_of_and_the_line_lives(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, hearing, ids = await subscribed(peer, connect)
        line = ids[MARKET_DATA]

        def fail(_: object) -> None:
            raise RuntimeError("strategy bug")

        hearing.on_quote = fail  # type: ignore[method-assign]  # the fault to survive
        peer.say(price(line, 1, 100.0, 5))
        await eventually_async(lambda: hearing.of(Notice))

        assert "strategy bug" in hearing.of(Notice)[-1].text
        await broker.server_time()


async def test_an_error_about_a_line_names_its_instrument(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        _, hearing, ids = await subscribed(peer, connect)

        peer.say((4, 2, ids[MARKET_DATA], 354, "Requested market data is not subscribed.", ""))
        await eventually_async(lambda: hearing.of(Notice))

        assert hearing.of(Notice) == [Notice(354, "Requested market data is not subscribed.", "SPY")]


@pytest.mark.parametrize(("kind", "code"), [(MARKET_DATA, 100), (REAL_TIME_BARS, 420), (DEPTH, 100)])
async def test_a_line_refused_for_asking_too_much_is_asked_for_again_later(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, kind: str, code: int
) -> None:
    monkeypatch.setattr(market_data, "ASK_AGAIN_S", 0.05)
    async with ScriptedPeer() as peer:
        broker, _, ids = await subscribed(peer, connect, depth=3)

        peer.say((4, 2, ids[kind], code, "too much", ""), (4, 2, ids[kind], 354, "not subscribed", ""))
        await eventually_async(lambda: len(peer.asked(kind)) == 2)
        await broker.server_time()

        assert sorted(len(peer.asked(one)) for one in ids) == [1, 1, 2]
        assert peer.asked(kind)[1][2] != ids[kind]


async def test_live_bars_beyond_the_pacing_wait_for_their_turn_and_prices_come_meanwhile(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HistoryPacing, "_WINDOW_S", 0.2)
    async with ScriptedPeer() as peer:
        broker, hearing = await connect(peer.port, live_bars_in_10_min=1)
        others = [replace(SPY, con_id=900 + n, symbol=key, key=key) for n, key in enumerate(("QQQ", "IWM"))]
        for one in (SPY, *others):
            broker.subscribe(one)
            broker.subscribe(one)
        broker.unsubscribe(others[1])
        await eventually_async(lambda: len(peer.asked(MARKET_DATA)) >= 2)

        waits = [notice for notice in hearing.of(Notice) if notice.code == PACED]
        assert [notice.request_key for notice in waits] == ["QQQ", "IWM"]
        await eventually_async(lambda: len(peer.asked(REAL_TIME_BARS)) == 2)
        await broker.server_time()
        assert len(peer.asked(REAL_TIME_BARS)) == 2, "of the one that was ended meanwhile none is asked for"


async def test_unsubscribing_ends_every_line_and_late_ticks_are_ignored(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, hearing, ids = await subscribed(peer, connect, depth=3)

        broker.unsubscribe(SPY)
        await eventually_async(lambda: peer.asked("2") and peer.asked("51") and peer.asked("11"))
        peer.say(price(ids[MARKET_DATA], 1, 100.0, 5))
        await broker.server_time()

        assert hearing.quotes == []
        broker.unsubscribe(SPY)
        broker.subscribe(SPY)
        broker.subscribe(SPY)
        await eventually_async(lambda: len(peer.asked(MARKET_DATA)) == 2)


async def test_data_lost_at_the_broker_is_asked_for_again_under_new_ids(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, hearing, ids = await subscribed(peer, connect, depth=3)

        peer.say((4, 2, -1, 1101, "restored, data lost", ""))
        await eventually_async(
            lambda: all(len(peer.asked(kind)) == 2 for kind in (MARKET_DATA, REAL_TIME_BARS, DEPTH))
        )
        peer.say(price(ids[MARKET_DATA], 1, 99.0, 5), price(peer.asked(MARKET_DATA)[1][2], 1, 100.0, 5))
        await eventually_async(lambda: hearing.quotes)

        assert [quote.bid for quote in hearing.quotes] == [100.0]
        assert len({fields[2] for kind in ids for fields in peer.asked(kind)}) == 6
        assert not any(peer.asked(kind) for kind in ("2", "51", "11"))
        broker.subscribe(SPY)
        await broker.server_time()
        assert len(peer.asked(MARKET_DATA)) == 2


async def test_a_line_that_still_waited_in_the_queue_is_never_asked_for(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, _ = await connect(peer.port)
        many = [replace(SPY, key=f"S{number}", con_id=number) for number in range(40)]
        for instrument in many:
            broker.subscribe(instrument)

        await eventually_async(lambda: peer.asked(MARKET_DATA))

        for instrument in many:
            broker.unsubscribe(instrument)
        await eventually_async(lambda: len(peer.asked("2")) == len(peer.asked(MARKET_DATA)))

        asked_for = [fields[3] for fields in peer.asked(MARKET_DATA)]
        assert 0 < len(asked_for) < len(many)
        assert [fields[2] for fields in peer.asked("2")] == [fields[2] for fields in peer.asked(MARKET_DATA)]
