"""Positions: every execution once, in exchange-time order, and the money adds up."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.fill import Fill
from engine.ledger.changes import BookedFill, NoteCode
from engine.ledger.events import Adjustment, Described
from engine.ledger.positions import PositionManager
from tests.ledger.building import at, fill

TOLERANCE = Decimal("1e-12")


def book(manager: PositionManager, booked: Fill, *, owner: str = "ma", stop: float | None = None):
    return manager.apply_fill(BookedFill(replace(booked, strategy=owner), "signal", stop))


@st.composite
def fill_runs(draw: st.DrawFn) -> list[Fill]:
    """Fills of one key at distinct times, both sides, with commissions or none yet."""
    sizes = draw(st.lists(st.integers(-300, 300).filter(bool), min_size=1, max_size=12))
    prices = draw(
        st.lists(
            st.decimals("0.01", "900", places=2, allow_nan=False),
            min_size=len(sizes),
            max_size=len(sizes),
        )
    )
    fees = draw(
        st.lists(st.sampled_from([None, "0", "0.35", "1.02"]), min_size=len(sizes), max_size=len(sizes))
    )
    return [
        fill(f"e{i}.01", size, str(price), seconds=i, commission=fee)
        for i, (size, price, fee) in enumerate(zip(sizes, prices, fees, strict=True))
    ]


def cash_flow(fills: list[Fill], multiplier: Decimal) -> Decimal:
    return -sum((f.signed_quantity * f.price * multiplier for f in fills), Decimal(0))


def value(manager: PositionManager, mark: Decimal) -> Decimal:
    return sum((p.quantity * mark * p.multiplier for p in manager.positions()), Decimal(0))


@pytest.mark.req("REQ-TEST-005")
@given(fill_runs(), st.randoms(use_true_random=False))
def test_what_nobody_is_told_of_is_booked_just_the_same(fills, random):
    told, settled = PositionManager(), PositionManager()
    # Ids as of a run and as of the broker, repeated and out of order.
    messy = [f if random.random() < 0.3 else replace(f, exec_id=f.exec_id[:-3]) for f in fills]
    messy += random.choices(messy, k=2)
    if random.random() < 0.5:
        random.shuffle(messy)

    for f in messy:
        booked = BookedFill(f, random.choice(["signal", "stop"]), 1.0)
        assert settled.settle(booked) == told.apply_fill(booked).trades

    assert settled.positions() == told.positions()
    assert settled.trades() == told.trades()
    assert settled.realized_usd() == told.realized_usd()
    assert settled.uncharged_fills() == told.uncharged_fills()
    assert {f.key: settled.past.of(f.key) for f in fills} == {f.key: told.past.of(f.key) for f in fills}


@pytest.mark.req("PLAN-M3-IDMAP")
@given(fill_runs(), st.randoms(use_true_random=False))
def test_shuffled_and_repeated_fills_give_the_same_positions_trades_and_pnl(fills, random):
    ordered, shuffled = PositionManager(), PositionManager()
    messy = fills + random.choices(fills, k=len(fills))
    random.shuffle(messy)

    for f in fills:
        book(ordered, f)
    for f in messy:
        book(shuffled, f)

    assert shuffled.positions() == ordered.positions()
    assert shuffled.trades() == ordered.trades()
    assert shuffled.realized_usd() == ordered.realized_usd()
    assert shuffled.fees_usd() == ordered.fees_usd()


@given(fill_runs())
def test_the_position_is_the_sum_of_the_signed_fills(fills):
    manager = PositionManager()

    for f in fills:
        book(manager, f)

    held = manager.position("SPY")
    assert (0 if held is None else held.quantity) == sum(f.signed_quantity for f in fills)


@given(fill_runs(), st.decimals("1", "900", places=2), st.sampled_from(["1", "50", "1000"]))
def test_realised_plus_unrealised_is_the_cash_that_flowed_plus_what_is_held(fills, mark, multiplier):
    times = Decimal(multiplier)
    manager = PositionManager(described=[Described("SPY", 756733, times, "STK")])

    for f in fills:
        book(manager, f)

    unrealised = sum(
        ((mark - p.avg_price) * p.quantity * p.multiplier for p in manager.positions()), Decimal(0)
    )
    gained = cash_flow(fills, times) + value(manager, mark)
    assert abs(manager.realized_usd() + unrealised - gained) < TOLERANCE * times * 10**6


@given(fill_runs())
def test_closed_trades_and_the_open_leg_share_out_all_that_was_realised_and_paid(fills):
    manager = PositionManager()

    for f in fills:
        book(manager, f)

    held = manager.position("SPY")
    in_trades = sum((t.gross_usd for t in manager.trades()), Decimal(0))
    fees = sum((t.fees_usd for t in manager.trades()), Decimal(0))
    assert abs(in_trades + (held.realized_usd if held else 0) - manager.realized_usd()) < TOLERANCE
    assert abs(fees + (held.fees_usd if held else 0) - manager.fees_usd()) < TOLERANCE


@given(fill_runs())
def test_a_trade_states_prices_that_explain_its_gross(fills):
    manager = PositionManager()

    for f in fills:
        book(manager, f)

    for trade in manager.trades():
        explained = (trade.exit_price - trade.entry_price) * trade.quantity
        assert abs(explained - trade.gross_usd) < Decimal("1e-9")


@given(fill_runs(), st.data())
def test_a_correction_leaves_what_it_would_have_been_had_it_come_first(fills, data):
    index = data.draw(st.integers(0, len(fills) - 1))
    size = data.draw(st.integers(1, 300))
    wrong = fills[index]
    right = fill(
        "x.02", size if wrong.signed_quantity > 0 else -size, "77.25", seconds=index, commission="0.5"
    )
    right = type(wrong)(
        **{name: getattr(right, name) for name in wrong.__slots__} | {"exec_id": f"e{index}.02"}
    )
    corrected, clean = PositionManager(), PositionManager()

    for f in [*fills, right, wrong]:
        book(corrected, f)
    for f in [*fills[:index], right, *fills[index + 1 :]]:
        book(clean, f)

    assert corrected.positions() == clean.positions()
    assert corrected.trades() == clean.trades()
    assert corrected.realized_usd() == clean.realized_usd()


def test_a_fill_through_zero_closes_one_trade_and_opens_the_other_way():
    manager = PositionManager()

    book(manager, fill("a.01", 100, "10", seconds=0, commission="1"), owner="ma", stop=9.5)
    changes = book(manager, fill("b.01", -150, "12", seconds=5, commission="3"), owner="momentum", stop=13.0)

    (record,) = changes.trades
    assert record.trade.quantity == 100
    assert record.trade.gross_usd == 200
    assert record.trade.fees_usd == 1 + 2
    held = manager.position("SPY")
    assert held is not None
    assert (held.quantity, held.avg_price, held.owner, held.initial_stop) == (-50, 12, "momentum", 13.0)
    assert held.fees_usd == 1
    assert held.opened_at == at(5)


def test_a_late_fill_that_undoes_a_close_withdraws_the_trade():
    manager = PositionManager()
    book(manager, fill("a.01", 100, "10", seconds=0))
    book(manager, fill("c.01", -100, "12", seconds=10))

    changes = book(manager, fill("b.01", 50, "11", seconds=5))

    assert changes.withdrawn_trades == ("c",)
    assert changes.legs[0].quantity == 50
    assert manager.trades() == ()


def test_the_same_execution_twice_changes_nothing():
    manager = PositionManager()
    first = book(manager, fill("a.01", 100, "10"))

    again = book(manager, fill("a.01", 100, "10"))

    assert first
    assert not again


def test_a_commission_may_come_before_or_after_its_execution():
    after, before = PositionManager(), PositionManager()
    book(after, fill("a.01", 100, "10"))
    after.apply_commission("a.01", Decimal("1.25"))
    before.apply_commission("a.01", Decimal("1.25"))
    book(before, fill("a.01", 100, "10"))

    assert after.positions() == before.positions()
    assert after.fees_usd() == Decimal("1.25")
    assert not after.apply_commission("a.01", Decimal("1.25"))


def test_an_execution_of_an_earlier_day_is_not_booked_again_and_its_correction_is_flagged():
    manager = PositionManager(known_exec_ids=["a.01"])

    repeated = book(manager, fill("a.01", 100, "10"))
    corrected = book(manager, fill("a.02", 90, "10"))

    assert not repeated
    assert [n.code for n in corrected.notes] == [NoteCode.LATE_CORRECTION]
    assert manager.positions() == ()


def test_a_new_day_keeps_positions_and_forgets_trades_and_pnl():
    manager = PositionManager()
    book(manager, fill("a.01", 100, "10", commission="1"))
    book(manager, fill("b.01", -40, "12", seconds=1))

    legs = manager.start_day()

    assert [leg.quantity for leg in legs] == [60]
    assert manager.realized_usd() == 0
    assert manager.fees_usd() == 0
    assert manager.uncharged_fills() == ()
    held = manager.position("SPY")
    assert held is not None
    assert held.realized_usd == 80
    assert not book(manager, fill("b.01", -40, "12", seconds=1))


def test_a_position_taken_over_and_closed_outside_is_booked_with_its_reason():
    manager = PositionManager()
    adopted = Adjustment("adopt-1", "SPY", 756733, 100, Decimal("10"), at(0), "operator", owner="operator")
    closed = Adjustment("ext-1", "SPY", 756733, -100, Decimal("11"), at(9), "external_close")

    manager.adjust(adopted)
    again = manager.adjust(adopted)
    changes = manager.adjust(closed)

    assert not again
    assert changes.flat_keys == ("SPY",)
    assert changes.trades[0].trade.reason == "external_close"
    assert changes.trades[0].trade.net_usd == 100


def test_a_close_outside_at_an_unknown_price_realises_nothing():
    manager = PositionManager()
    book(manager, fill("a.01", 100, "10"))

    manager.adjust(Adjustment("ext-1", "SPY", 756733, -100, None, at(9), "external_close"))

    assert manager.positions() == ()
    assert manager.realized_usd() == 0


def test_terms_that_come_after_the_fill_reprice_the_position():
    manager = PositionManager()
    warned = book(manager, fill("a.01", 2, "5000", key="ESZ6"))

    changes = manager.describe(Described("ESZ6", 1, Decimal(50), "FUT"))

    assert [n.code for n in warned.notes] == [NoteCode.UNKNOWN_MULTIPLIER]
    assert changes.legs[0].multiplier == 50


@pytest.mark.req("REQ-DATA-001")
def test_an_unknown_key_has_no_position_and_raises_nothing():
    assert PositionManager().position("NOPE") is None
