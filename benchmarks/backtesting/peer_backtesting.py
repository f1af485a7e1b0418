"""The job in backtesting.py: a run per instrument, averages made beforehand, as its users do."""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy

from benchmarks.backtesting import work


def average(prices: object, length: int) -> object:
    """A rolling mean."""
    return pd.Series(prices).rolling(length).mean().to_numpy()


class Cross(Strategy):  # type: ignore[misc]  # the library is not installed where types are checked
    """Long while the fast average is above the slow one."""

    def init(self) -> None:
        """Both averages."""
        self.fast = self.I(average, self.data.Close, work.FAST)
        self.slow = self.I(average, self.data.Close, work.SLOW)

    def next(self) -> None:
        """Buy and close at the next open."""
        if self.fast[-1] - self.slow[-1] > work.LEAST_GAP:
            if not self.position:
                self.buy(size=work.SIZE)
        elif self.position:
            self.position.close()


def commission(size: float, price: float) -> float:
    """What an order costs."""
    return abs(size) * price * work.FEE_BPS / 1e4 + work.FEE_FIXED_USD


def main() -> None:
    """One line."""
    instruments, bars = int(sys.argv[1]), int(sys.argv[2])
    at = pd.to_datetime(work.FIRST_S + 60 * np.arange(bars), unit="s")
    columns = ["Open", "High", "Low", "Close", "Volume"]
    frames = [pd.DataFrame(one, columns=columns, index=at) for one in work.make_bars(instruments, bars)]
    runs = [Backtest(one, Cross, cash=work.CASH_USD, commission=commission) for one in frames]
    began, orders, equity = time.process_time(), 0, float(work.CASH_USD)
    for run in runs:
        done = run.run()
        orders += 2 * len(done["_trades"]) + len(done["_strategy"].trades)
        equity += done["_equity_curve"]["Equity"].iloc[-1] - work.CASH_USD
    run_s = time.process_time() - began
    work.report("backtesting", symbols=instruments, bars=bars, run_s=run_s, orders=orders, equity=equity)


if __name__ == "__main__":
    main()
