"""Caps hold at their exact edge, count everything that is out at worst case, and fail closed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.order import Order, OrderState, Role, Side
from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.risk.caps import first_exceeded
from engine.risk.exposure import Holding, commitments
from engine.risk.gate import check_again, check_entry
from engine.risk.limits import RiskLimits
from engine.risk.refusal import Refusal
from engine.risk.selection import Selection
from engine.risk.world import GateWorld
from tests.builders import LIMITS, future, intent, order, proposal, quote, stock, world
from tests.examples import examples

AT_ONE_PRICE = replace(LIMITS, entry_ticks_through=0, price_collar_pct=50.0, max_positions=50)
WIDE = replace(
    AT_ONE_PRICE,
    risk_per_trade_pct=5.0,
    symbol_notional_cap_usd=1e9,
    max_order_value_usd=1e9,
    max_gross_exposure_usd=1e9,
    max_position_size_pct=100.0,
    max_total_at_risk_pct=1000.0,
)
NLV_USD = 1_000_000.0


def _refusal(result: EntryTicket | Refusal | None) -> Refusal:
    assert isinstance(result, Refusal), result
    return result


def _at(price: float, *, limits: RiskLimits, **changes: object) -> EntryTicket | Refusal:
    """One unit of a stock at exactly this price."""
    here = world(quote=quote(bid=price, ask=price), **changes)
    return check_entry(proposal(stop_price=price - 0.01), here, limits, wanted=1)


@pytest.mark.req("PLAN-M2-RISK")
@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (replace(WIDE, symbol_notional_cap_usd=25_000.0), Reason.SYMBOL_NOTIONAL),
        (replace(WIDE, max_gross_exposure_usd=25_000.0), Reason.GROSS_EXPOSURE),
        (replace(WIDE, max_order_value_usd=25_000.0), Reason.ORDER_VALUE),
        (replace(WIDE, max_position_size_pct=2.5), Reason.POSITION_SIZE),
        (replace(WIDE, max_total_at_risk_pct=2.5), Reason.TOTAL_AT_RISK),
    ],
)
def test_exactly_the_cap_passes_and_a_cent_more_is_refused_with_its_figures(
    limits: RiskLimits, reason: Reason
) -> None:
    assert isinstance(_at(25_000.00, limits=limits), EntryTicket)

    refusal = _refusal(_at(25_000.01, limits=limits))

    assert refusal.reason is reason
    assert refusal.limit == pytest.approx(25_000.00)
    assert refusal.value == pytest.approx(25_000.01)


@pytest.mark.req("REQ-E1")
@pytest.mark.parametrize(
    ("held_pct", "wanted_pct", "passes"),
    [(10.0, 5.0, True), (10.01, 5.0, False), (0.0, 5.0, True), (0.0, 5.01, False)],
)
def test_fifteen_percent_in_all_and_five_per_position_pass_exactly(
    held_pct: float, wanted_pct: float, passes: bool
) -> None:
    limits = replace(WIDE, max_position_size_pct=5.0, max_total_at_risk_pct=15.0)
    held = {"holdings": (Holding("AMD", 1),), "unit_usd": {"AMD": NLV_USD * held_pct / 100}}

    result = _at(NLV_USD * wanted_pct / 100, limits=limits, **(held if held_pct else {}))

    assert isinstance(result, EntryTicket) is passes, result


@pytest.mark.req("REQ-E2")
@pytest.mark.parametrize("state", [s for s in OrderState if not s.is_done])
def test_an_order_counts_in_full_until_it_is_done_and_frees_its_room_then(state: OrderState) -> None:
    limits = replace(WIDE, max_total_at_risk_pct=5.0)
    out = order("AMD", state=state, filled=40)
    held = (Holding("AMD", 40),)

    def room(*orders: Order, wanted_pct: float) -> EntryTicket | Refusal:
        unit = {"AMD": NLV_USD * 0.04 / 100}
        return _at(
            NLV_USD * wanted_pct / 100,
            limits=limits,
            orders=orders,
            holdings=held if orders else (),
            unit_usd=unit,
        )

    assert isinstance(room(out, wanted_pct=1.0), EntryTicket), "filled and unfilled count once"
    assert _refusal(room(out, wanted_pct=1.01)).reason is Reason.TOTAL_AT_RISK
    assert isinstance(room(wanted_pct=1.01), EntryTicket)


@pytest.mark.req("REQ-E1", "REQ-E2")
def test_a_theme_is_capped_over_its_members_and_only_over_them() -> None:
    themed = Selection(themes={"SPY": "chips", "AMD": "chips", "KO": "drinks"})
    held = {
        "holdings": (Holding("AMD", 1), Holding("KO", 1)),
        "unit_usd": {"AMD": 60_000.0, "KO": 60_000.0},
        "selection": themed,
    }

    assert isinstance(_at(40_000.00, limits=WIDE, **held), EntryTicket)
    assert _refusal(_at(40_000.01, limits=WIDE, **held)).reason is Reason.THEME_CAP
    assert isinstance(_at(40_000.01, limits=WIDE, **{**held, "selection": Selection()}), EntryTicket)


def test_two_expiries_of_one_future_share_the_cap_of_a_symbol() -> None:
    es = world(
        instrument=future("ESH7"),
        quote=quote("ESH7", 5800.0, 5800.25),
        margin_usd=20_000.0,
        holdings=(Holding("ESZ6", 2),),
        unit_usd={"ESZ6": 20_000.0},
    )
    limits = replace(WIDE, symbol_margin_cap_usd=50_000.0)
    wish = proposal("ESH7", stop_price=5790.0)

    assert isinstance(check_entry(wish, es, limits), EntryTicket)
    together = replace(es, roots={"ESZ6": "ES@CME", "ESH7": "ES@CME"})
    assert _refusal(check_entry(wish, together, limits)).reason is Reason.SYMBOL_MARGIN


@pytest.mark.parametrize("figure", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("where", ["net_liquidation_usd", "unit"])
def test_a_figure_that_is_no_number_refuses(where: str, figure: float) -> None:
    changes: dict[str, object] = {"holdings": (Holding("AMD", 1),), "unit_usd": {"AMD": 1.0}}
    changes |= {"unit_usd": {"AMD": figure}} if where == "unit" else {where: figure}

    assert _refusal(check_entry(proposal(), world(**changes), LIMITS)).reason is Reason.NOT_FINITE


def test_a_persons_quantity_is_never_cut_but_refused_by_what_it_breaks() -> None:
    ticket = check_entry(proposal(), world(), LIMITS, wanted=7)

    assert isinstance(ticket, EntryTicket)
    assert ticket.quantity == 7
    assert _refusal(check_entry(proposal(), world(), LIMITS, wanted=250)).reason is Reason.SYMBOL_NOTIONAL
    assert _refusal(check_entry(proposal(), world(), LIMITS, wanted=0)).reason is Reason.SIZE_ZERO
    tiny = replace(LIMITS, risk_per_trade_pct=0.001)
    assert _refusal(check_entry(proposal(), world(), tiny, wanted=20)).reason is Reason.SIZE_ZERO


def test_a_refusal_by_a_cap_says_so_in_full_even_of_a_name_in_braces() -> None:
    key = "{0.reason}"
    refusal = first_exceeded(key, (((Reason.GROSS_EXPOSURE, "gross exposure"), 1000.0, 900.0),), 200.5)
    assert refusal is not None
    assert refusal.text == "{0.reason}: gross exposure would be 1,100.50 of 1,000.00 USD"
    assert (refusal.limit, refusal.value) == (1000.0, 1100.5)


@pytest.mark.req("247-NFR-SAFE")
def test_the_final_look_refuses_what_no_longer_holds() -> None:
    entry = intent(limit_price=100.0, quantity=100)

    def looked(**changes: object) -> Refusal | None:
        return check_again(entry, world(**changes), LIMITS)

    assert looked() is None
    assert _refusal(looked(quote=quote(bid=97.0, ask=97.01))).reason is Reason.PRICE_COLLAR
    assert _refusal(looked(quote=None)).reason is Reason.NO_QUOTE
    assert _refusal(looked(instrument=None)).reason is Reason.UNKNOWN_INSTRUMENT
    full = {"holdings": (Holding("AMD", 1),), "unit_usd": {"AMD": 95_000.0}}
    assert _refusal(looked(**full)).reason is Reason.GROSS_EXPOSURE
    short = replace(entry, side=Side.SELL)
    assert _refusal(check_again(short, world(), LIMITS)).reason is Reason.SHORT_NOT_ALLOWED


# --- random order flow ----------------------------------------------------------------------------

KEYS = ("AMD", "KO", "QQQ", "SPY", "TSLA")
PRICES = {key: 20.0 * (i + 1) for i, key in enumerate(KEYS)}
THEMES = {"AMD": "chips", "TSLA": "chips", "KO": "drinks"}
FLOW = replace(
    AT_ONE_PRICE,
    risk_per_trade_pct=5.0,
    max_positions=4,
    max_gross_exposure_usd=60_000.0,
    symbol_notional_cap_usd=25_000.0,
    max_total_at_risk_pct=5.5,
    theme_cap_pct=3.0,
)


@dataclass
class _Account:
    """Orders and positions as the broker would move them, under the gate's eyes."""

    orders: list[Order] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)

    def gate(self, key: str) -> GateWorld:
        price = PRICES[key]
        return world(
            instrument=stock(key),
            quote=quote(key, price, price),
            unit_usd=PRICES,
            selection=Selection(themes=THEMES),
            out=commitments([Holding(*h) for h in self.held.items()], self.orders),
        )

    def worst_usd(self, keys: tuple[str, ...]) -> float:
        """Reckoned in another way than the gate's: everything that is out fills, nothing is netted."""
        total = 0.0
        for key in keys:
            out = sum(o.intent.quantity - o.filled for o in self.orders if o.intent.key == key)
            total += (self.held.get(key, 0) + out) * PRICES[key]
        return total

    def move(self, at: int, state: OrderState, share: float) -> None:
        """The broker says something about an order: some of it filled, and where it stands."""
        old = self.orders.pop(at % len(self.orders))
        more = int((old.intent.quantity - old.filled) * share)
        self.held[old.intent.key] = self.held.get(old.intent.key, 0) + more
        moved = replace(old, state=state, filled=old.filled + more)
        if not state.is_done and moved.filled < moved.intent.quantity:
            self.orders.append(moved)


acts = st.one_of(
    st.tuples(
        st.just("enter"), st.sampled_from(KEYS), st.floats(0.01, 0.5), st.none() | st.integers(1, 3000)
    ),
    st.tuples(st.just("move"), st.integers(0, 20), st.sampled_from(OrderState), st.floats(0.0, 1.0)),
    st.tuples(st.just("leave"), st.sampled_from(KEYS), st.floats(0.0, 1.0), st.none()),
)


@pytest.mark.req("REQ-E2", "REQ-E1")
@settings(max_examples=examples(300), deadline=None)
@given(flow=st.lists(acts, max_size=40))
def test_no_flow_of_orders_takes_positions_working_and_unknown_over_a_cap(
    flow: list[tuple[object, ...]],
) -> None:
    account = _Account()
    for act, first, second, third in flow:
        if act == "enter":
            key = str(first)
            wish = proposal(key, stop_price=PRICES[key] * (1 - float(str(second))))
            wanted = None if third is None else int(str(third))
            ticket = check_entry(wish, account.gate(key), FLOW, wanted=wanted)
            if isinstance(ticket, EntryTicket):
                sent = order(key, Role.ENTRY, quantity=ticket.quantity, limit_price=PRICES[key])
                account.orders.append(sent)
        elif act == "move" and account.orders:
            account.move(int(str(first)), OrderState(str(second)), float(str(third)))
        elif act == "leave":
            key = str(first)
            account.held[key] = int(account.held.get(key, 0) * float(str(second)))
        assert account.worst_usd(KEYS) <= 55_000.01
        assert account.worst_usd(("AMD", "TSLA")) <= 30_000.01
        assert all(account.worst_usd((key,)) <= 25_000.01 for key in KEYS)
        busy = {k for k, q in account.held.items() if q} | {o.intent.key for o in account.orders}
        assert len(busy) <= 4
