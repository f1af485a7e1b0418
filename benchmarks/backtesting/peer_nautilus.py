"""The job in nautilus_trader: its low-level engine, minute bars, market orders, a fee model in Python."""

from __future__ import annotations

import sys
import time

from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.backtest.models import FeeModel
from nautilus_trader.config import BacktestEngineConfig, LoggingConfig, StrategyConfig
from nautilus_trader.indicators import SimpleMovingAverage
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TraderId, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

from benchmarks.backtesting import work

VENUE = Venue("XNAS")


class Fees(FeeModel):  # type: ignore[misc]  # the library is not installed where types are checked
    """Fixed and by value; it books whole cents."""

    def get_commission(self, order: object, quantity: object, price: object, instrument: object) -> object:
        """What a fill costs."""
        del order, instrument
        value = float(quantity) * float(price)  # type: ignore[arg-type]  # its own number types
        return Money(value * work.FEE_BPS / 1e4 + work.FEE_FIXED_USD, USD)


class CrossConfig(StrategyConfig, frozen=True):  # type: ignore[misc, call-arg]  # as above
    """What one strategy trades."""

    instrument: InstrumentId
    bars: BarType


class Cross(Strategy):  # type: ignore[misc]  # as above
    """Long while the fast average is above the slow one."""

    def __init__(self, config: CrossConfig) -> None:
        super().__init__(config)
        self.fast, self.slow = SimpleMovingAverage(work.FAST), SimpleMovingAverage(work.SLOW)
        self.size = Quantity.from_int(work.SIZE)
        self.filled, self.held = 0, 0

    def on_start(self) -> None:
        """Averages before the bars that they are of."""
        self.register_indicator_for_bars(self.config.bars, self.fast)
        self.register_indicator_for_bars(self.config.bars, self.slow)
        self.subscribe_bars(self.config.bars)

    def on_order_filled(self, event: object) -> None:
        """Count."""
        self.filled += 1
        self.held += work.SIZE if event.order_side == OrderSide.BUY else -work.SIZE  # type: ignore[attr-defined]

    def on_bar(self, bar: Bar) -> None:
        """Buy and sell at this close, which is the next open."""
        del bar
        if not self.slow.initialized:
            return
        if self.fast.value - self.slow.value > work.LEAST_GAP:
            if self.held == 0:
                self._send(OrderSide.BUY)
        elif self.held > 0:
            self._send(OrderSide.SELL)

    def _send(self, side: OrderSide) -> None:
        self.submit_order(self.order_factory.market(self.config.instrument, side, self.size))


def main() -> None:
    """One line."""
    instruments, count = int(sys.argv[1]), int(sys.argv[2])
    made = work.make_bars(instruments, count)
    engine = BacktestEngine(
        BacktestEngineConfig(trader_id=TraderId("T-001"), logging=LoggingConfig(bypass_logging=True))
    )
    cash = [Money(work.CASH_USD, USD)]
    engine.add_venue(VENUE, OmsType.NETTING, AccountType.CASH, cash, USD, fee_model=Fees())
    strategies = []
    for number, one in enumerate(made):
        name = InstrumentId(Symbol(f"S{number:03d}"), VENUE)
        engine.add_instrument(Equity(name, name.symbol, USD, 2, Price(0.01, 2), Quantity.from_int(1), 0, 0))
        kind = BarType.from_str(f"{name}-1-MINUTE-LAST-EXTERNAL")
        engine.add_data(_bars(kind, one.tolist()), sort=number == instruments - 1)
        strategies.append(Cross(CrossConfig(strategy_id=f"X-{number:03d}", instrument=name, bars=kind)))
        engine.add_strategy(strategies[-1])
    began = time.process_time()
    engine.run()
    run_s = time.process_time() - began
    cash_left = float(engine.portfolio.account(VENUE).balance_total(USD))
    value = sum(one.held * made[n, -1, 3] for n, one in enumerate(strategies))
    orders = sum(one.filled for one in strategies)
    work.report(
        "nautilus", symbols=instruments, bars=count, run_s=run_s, orders=orders, equity=cash_left + value
    )


def _bars(kind: BarType, rows: list[list[float]]) -> list[Bar]:
    found = []
    for number, (first, high, low, last, volume) in enumerate(rows):
        at = (work.FIRST_S + 60 * number) * 10**9
        prices = (Price(first, 2), Price(high, 2), Price(low, 2), Price(last, 2))
        found.append(Bar(kind, *prices, Quantity(volume, 0), at, at))
    return found


if __name__ == "__main__":
    main()
