"""The job in backtrader, the fastest way it has: everything preloaded, indicators in one go, no observers."""

from __future__ import annotations

import sys
import time

import backtrader as bt

from benchmarks.backtesting import work

_EPOCH_DAY = 719_163.0


class Rows(bt.feed.DataBase):  # type: ignore[misc]  # the library is not installed where types are checked
    """Bars out of memory."""

    params = (("rows", None),)

    def start(self) -> None:
        """From the first row."""
        super().start()
        self.left = iter(self.p.rows)

    def _load(self) -> bool:
        row = next(self.left, None)
        if row is None:
            return False
        lines = self.lines
        lines.datetime[0], lines.open[0], lines.high[0], lines.low[0], lines.close[0], lines.volume[0] = row
        lines.openinterest[0] = 0
        return True


class Fees(bt.CommInfoBase):  # type: ignore[misc]  # as above
    """Fixed and by value."""

    params = (("stocklike", True), ("commtype", bt.CommInfoBase.COMM_FIXED))

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:
        del pseudoexec
        return float(abs(size) * price * work.FEE_BPS / 1e4 + work.FEE_FIXED_USD)


class Cross(bt.Strategy):  # type: ignore[misc]  # as above
    """Long while the fast average is above the slow one."""

    def __init__(self) -> None:
        self.pairs = [
            (d, bt.ind.SMA(d.close, period=work.FAST), bt.ind.SMA(d.close, period=work.SLOW))
            for d in self.datas
        ]
        self.filled, self.equity = 0, 0.0

    def notify_order(self, order: bt.Order) -> None:
        """Count what filled."""
        self.filled += order.status == order.Completed

    def next(self) -> None:
        """Buy and sell at the next open."""
        for data, fast, slow in self.pairs:
            held = self.getposition(data).size
            if fast[0] - slow[0] > work.LEAST_GAP:
                if held == 0:
                    self.buy(data=data, size=work.SIZE)
            elif held > 0:
                self.sell(data=data, size=held)
        self.equity = self.broker.getvalue()


def main() -> None:
    """One line."""
    instruments, bars = int(sys.argv[1]), int(sys.argv[2])
    days = [_EPOCH_DAY + (work.FIRST_S + 60 * i) / 86_400 for i in range(bars)]
    cerebro = bt.Cerebro(stdstats=False, runonce=True, preload=True)
    for one in work.make_bars(instruments, bars):
        rows = [(day, *row) for day, row in zip(days, one.tolist(), strict=True)]
        cerebro.adddata(Rows(rows=rows, timeframe=bt.TimeFrame.Minutes))
    cerebro.addstrategy(Cross)
    cerebro.broker.setcash(work.CASH_USD)
    cerebro.broker.addcommissioninfo(Fees())
    began = time.process_time()
    done = cerebro.run()[0]
    run_s = time.process_time() - began
    work.report(
        "backtrader", symbols=instruments, bars=bars, run_s=run_s, orders=done.filled, equity=done.equity
    )


if __name__ == "__main__":
    main()
