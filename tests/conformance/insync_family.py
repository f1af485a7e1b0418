"""ib_insync or ib_async, whichever is installed, as an independent judge of the gateway.

Usage: python insync_family.py PORT, in an environment that has exactly one of the two.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from checks import Checks, run


def _library():
    for name in ("ib_async", "ib_insync"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise SystemExit("neither ib_async nor ib_insync is installed here")


LIB = _library()
HOST = "127.0.0.1"
CLIENT_ID = 11


async def until(condition, within_s: float = 15.0):
    """The first truthy result of the condition, or its last one."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while True:
        result = condition()
        if result or loop.time() > deadline:
            return result
        waker = loop.create_future()
        loop.call_later(0.02, waker.set_result, None)
        await waker


async def connected(port: int, client_id: int = CLIENT_ID):
    """A fresh client object, connected and synchronised."""
    ib = LIB.IB()
    await ib.connectAsync(HOST, port, clientId=client_id, timeout=10)
    return ib


async def check_account(ib, checks: Checks) -> str:
    accounts = ib.managedAccounts()
    checks.that("managed account is a paper account", accounts and accounts[0].startswith("DU"), accounts)
    values = {value.tag: value.value for value in ib.accountValues()}
    checks.that("account values arrive", float(values.get("NetLiquidation", 0)) > 0, values)
    checks.that("the gateway names itself", values.get("GatewayKind") == "cockpit-embedded", values)
    summary = {row.tag: row.value for row in await ib.accountSummaryAsync()}
    checks.that("account summary", "NetLiquidation" in summary and "BuyingPower" in summary, summary)
    now = await ib.reqCurrentTimeAsync()
    checks.that("current time", now.year >= 2000, now)
    pnl = ib.reqPnL(accounts[0])
    checks.that("P&L arrives", await until(lambda: pnl.dailyPnL == pnl.dailyPnL), pnl)
    return accounts[0]


async def check_contracts(ib, checks: Checks):
    stock = LIB.Stock("SPY", "SMART", "USD")
    await ib.qualifyContractsAsync(stock)
    checks.that("stock qualifies", stock.conId > 0, stock)
    details = await ib.reqContractDetailsAsync(LIB.Contract(conId=stock.conId))
    checks.that("details by conId", len(details) == 1 and details[0].contract.symbol == "SPY", details)
    checks.that("trading hours", ":" in details[0].tradingHours, details[0].tradingHours)
    chain = await ib.reqContractDetailsAsync(LIB.Future("ES", exchange="CME"))
    checks.that("futures chain", len(chain) >= 2, chain)
    future = chain[0].contract
    checks.that(
        "future has multiplier and expiry",
        future.multiplier == "50" and len(future.lastTradeDateOrContractMonth) == 8,
        future,
    )
    by_local = await ib.reqContractDetailsAsync(
        LIB.Contract(secType="FUT", localSymbol=future.localSymbol, exchange="CME")
    )
    checks.that("details by local symbol", len(by_local) == 1, by_local)
    every = await ib.reqContractDetailsAsync(LIB.Contract(secType="FUT", exchange="CME"))
    checks.that("futures of an exchange", len({row.contract.symbol for row in every}) > 1, every)
    nothing = await ib.reqContractDetailsAsync(LIB.Stock("NOSUCH", "SMART", "USD"))
    checks.that("unknown symbol gives nothing", nothing == [], nothing)
    found = await ib.reqMatchingSymbolsAsync("SP")
    checks.that("matching symbols", any(row.contract.symbol == "SPY" for row in found or []), found)
    rule = await ib.reqMarketRuleAsync(int(details[0].marketRuleIds.split(",")[0]))
    checks.that("market rule", rule and rule[0].increment > 0, rule)
    depth = await ib.reqMktDepthExchangesAsync()
    checks.that("depth exchanges", depth, depth)
    options = await ib.reqSecDefOptParamsAsync("SPY", "", "STK", stock.conId)
    checks.that("no option chains, with an end", options == [], options)
    return stock, future


async def check_level_1(ib, checks: Checks, stock, future) -> None:
    ticker = ib.reqMktData(stock, "233")
    other = ib.reqMktData(future)
    checks.that("bid and ask", await until(lambda: ticker.bid > 0 and ticker.ask > ticker.bid), ticker)
    checks.that(
        "last, volume, close, open",
        await until(lambda: ticker.last > 0 and ticker.volume > 0 and ticker.close > 0 and ticker.open > 0),
        ticker,
    )
    checks.that("high and low", ticker.high >= ticker.low > 0, ticker)
    checks.that("RTVolume", await until(lambda: ticker.rtVolume > 0), ticker)
    checks.that("future quotes", await until(lambda: other.ask > other.bid > 0), other)
    first = (ticker.bid, ticker.ask, ticker.bidSize, ticker.askSize, ticker.volume)
    checks.that(
        "quotes move",
        await until(lambda: (ticker.bid, ticker.ask, ticker.bidSize, ticker.askSize, ticker.volume) != first),
        first,
    )
    ib.cancelMktData(stock)
    ib.cancelMktData(future)
    snapshots = await asyncio.wait_for(ib.reqTickersAsync(stock), 10)
    checks.that("snapshot ends", snapshots and snapshots[0].bid > 0, snapshots)


async def check_depth(ib, checks: Checks, stock, future) -> None:
    for contract, smart in ((stock, True), (future, False)):
        ticker = ib.reqMktDepth(contract, numRows=5, isSmartDepth=smart)
        name = f"depth of {contract.localSymbol}"
        checks.that(name, await until(lambda t=ticker: len(t.domBids) == 5 and len(t.domAsks) == 5), ticker)
        bids, asks = [row.price for row in ticker.domBids], [row.price for row in ticker.domAsks]
        checks.that(
            name + " is sorted", bids == sorted(bids, reverse=True) and asks == sorted(asks), (bids, asks)
        )
        checks.that(name + " is not crossed", bids and asks and bids[0] < asks[0], (bids, asks))
        ib.cancelMktDepth(contract, isSmartDepth=smart)


async def check_streams(ib, checks: Checks, stock) -> None:
    for kind in ("Last", "AllLast", "BidAsk", "MidPoint"):
        ticker = ib.reqTickByTickData(stock, kind)
        checks.that(f"tick by tick {kind}", await until(lambda t=ticker: t.tickByTicks), kind)
        ib.cancelTickByTickData(stock, kind)
    bars = ib.reqRealTimeBars(stock, 5, "TRADES", False)
    checks.that("five-second bars", await until(lambda: bars, 12), bars)
    checks.that("bar is sane", bars and bars[0].low <= bars[0].close <= bars[0].high, bars)
    ib.cancelRealTimeBars(bars)


async def check_history(ib, checks: Checks, stock) -> None:
    minutes = await ib.reqHistoricalDataAsync(stock, "", "1 D", "1 min", "TRADES", True, 2)
    checks.that("minute bars", len(minutes) > 20, len(minutes))
    starts = [bar.date for bar in minutes]
    checks.that("bars are in order", starts == sorted(set(starts)), starts[:3])
    days = await ib.reqHistoricalDataAsync(stock, "", "1 M", "1 day", "TRADES", True, 1)
    checks.that("daily bars", len(days) > 15, len(days))
    local = await ib.reqHistoricalDataAsync(stock, "", "3600 S", "5 mins", "MIDPOINT", False, 1)
    checks.that(
        "midpoint bars with local times", len(local) >= 5 and local[0].date.tzinfo is not None, local[:1]
    )
    living = await ib.reqHistoricalDataAsync(
        stock, "", "900 S", "1 min", "TRADES", True, 2, keepUpToDate=True
    )
    updates = []
    living.updateEvent += lambda bars, is_new: updates.append(is_new)
    checks.that("history keeps up to date", await until(lambda: updates, 12), len(living))
    ib.cancelHistoricalData(living)
    head = await ib.reqHeadTimeStampAsync(stock, "TRADES", True, 2)
    checks.that("head timestamp", head and head.year >= 1990, head)
    ticks = await ib.reqHistoricalTicksAsync(stock, "", _now(), 10, "TRADES", False)
    checks.that("historical ticks", len(ticks) > 0, ticks)


def _now() -> str:
    return "20991231 00:00:00 UTC"


async def check_market_order(ib, checks: Checks, stock) -> None:
    order = LIB.MarketOrder("BUY", 100, tif="DAY", orderRef="conformance-market")
    trade = ib.placeOrder(stock, order)
    checks.that("market order fills", await until(lambda: trade.orderStatus.status == "Filled"), trade)
    checks.that("fill quantity", sum(fill.execution.shares for fill in trade.fills) == 100, trade.fills)
    checks.that(
        "commission follows",
        await until(lambda: trade.fills and all(f.commissionReport.execId for f in trade.fills)),
        trade.fills,
    )
    checks.that("permId is told", order.permId > 0, order.permId)
    states = [entry.status for entry in trade.log]
    checks.that(
        "PreSubmitted comes before Filled", "PreSubmitted" in states and states[-1] == "Filled", states
    )
    position = await until(lambda: [p for p in ib.positions() if p.contract.conId == stock.conId])
    checks.that("position arrives", position and position[0].position == 100, position)
    item = await until(lambda: [p for p in ib.portfolio() if p.contract.conId == stock.conId])
    checks.that("portfolio arrives", item and item[0].marketPrice > 0, item)
    fills = await ib.reqExecutionsAsync()
    checks.that(
        "executions can be asked for", any(f.execution.orderRef == "conformance-market" for f in fills), fills
    )
    sale = ib.placeOrder(stock, LIB.MarketOrder("SELL", 100, tif="DAY"))
    checks.that("closing sale fills", await until(lambda: sale.orderStatus.status == "Filled"), sale)
    closed = await until(lambda: [f for f in sale.fills if abs(f.commissionReport.realizedPNL) > 0])
    checks.that("realized P&L of the close", closed, sale.fills)
    checks.that(
        "position is gone", await until(lambda: not [p for p in ib.positions() if p.position]), ib.positions()
    )


async def check_limit_order(ib, checks: Checks, stock, bid: float) -> None:
    far = round(bid * 0.97, 2)
    order = LIB.LimitOrder("BUY", 10, far, tif="DAY")
    trade = ib.placeOrder(stock, order)
    checks.that("far limit works", await until(lambda: trade.orderStatus.status == "Submitted"), trade)
    order.lmtPrice, order.totalQuantity = round(far - 0.05, 2), 20
    ib.placeOrder(stock, order)
    listed = await ib.reqAllOpenOrdersAsync()
    seen = [t.order for t in listed if t.order.permId == order.permId]
    checks.that(
        "modify holds", seen and seen[0].lmtPrice == order.lmtPrice and seen[0].totalQuantity == 20, seen
    )
    ib.cancelOrder(order)
    checks.that("cancel", await until(lambda: trade.orderStatus.status == "Cancelled"), trade)
    near = ib.placeOrder(stock, LIB.LimitOrder("BUY", 10, round(bid * 1.01, 2), tif="DAY"))
    checks.that("marketable limit fills", await until(lambda: near.orderStatus.status == "Filled"), near)
    checks.that(
        "fill is not worse than the limit", near.orderStatus.avgFillPrice <= near.order.lmtPrice, near
    )
    # Only the error is judged: ib_insync leaves such an order PendingSubmit for ever, ib_async cancels it.
    errors: list[tuple[int, int]] = []
    ib.errorEvent += lambda request_id, code, text, contract: errors.append((request_id, code))
    off_grid = ib.placeOrder(stock, LIB.LimitOrder("BUY", 10, far + 0.003, tif="DAY"))
    refused = await until(lambda: (off_grid.order.orderId, 110) in errors)
    checks.that("off-grid price is refused", refused, errors)
    effect = await asyncio.wait_for(ib.whatIfOrderAsync(stock, LIB.MarketOrder("BUY", 100, tif="DAY")), 10)
    checks.that(
        "what-if has margin and commission",
        float(effect.initMarginChange) > 0 and effect.commission < 100,
        effect,
    )


async def check_bracket(ib, checks: Checks, stock, ask: float) -> None:
    orders = ib.bracketOrder("BUY", 50, round(ask * 1.005, 2), round(ask * 1.05, 2), round(ask * 0.95, 2))
    trades = []
    for order in orders:
        order.tif = "GTC"
        trades.append(ib.placeOrder(stock, order))
    parent, target, stop = trades
    checks.that("bracket parent fills", await until(lambda: parent.orderStatus.status == "Filled"), parent)
    working = ("Submitted", "PreSubmitted")
    checks.that(
        "bracket children work",
        await until(lambda: target.orderStatus.status in working and stop.orderStatus.status in working),
        (target, stop),
    )
    checks.that("children know their parent", target.orderStatus.parentId == parent.order.orderId, target)
    ib.cancelOrder(target.order)
    if stop.isActive():
        ib.cancelOrder(stop.order)
    ended = await until(lambda: target.orderStatus.status == stop.orderStatus.status == "Cancelled")
    checks.that("children cancel", ended, (target, stop))


async def check_reconnect(ib, checks: Checks, stock, bid: float, port: int) -> None:
    order = LIB.LimitOrder("BUY", 5, round(bid * 0.96, 2), tif="GTC", orderRef="conformance-reconnect")
    trade = ib.placeOrder(stock, order)
    await until(lambda: trade.orderStatus.status == "Submitted")
    ib.disconnect()
    again = await connected(port)
    seen = [t for t in again.openTrades() if t.order.orderRef == "conformance-reconnect"]
    checks.that("open order comes back", len(seen) == 1 and seen[0].order.permId == order.permId, seen)
    checks.that("it keeps its order id", seen and seen[0].order.orderId == order.orderId, seen)
    fills = again.fills()
    checks.that(
        "executions come back", any(f.execution.orderRef == "conformance-market" for f in fills), len(fills)
    )
    done = await again.reqCompletedOrdersAsync(False)
    checks.that("completed orders", any(t.order.orderRef == "conformance-market" for t in done), len(done))
    other = await connected(port, CLIENT_ID + 1)
    errors = []
    other.errorEvent += lambda request_id, code, text, contract: errors.append(code)
    theirs = [t for t in await other.reqAllOpenOrdersAsync() if t.order.orderRef == "conformance-reconnect"]
    checks.that("another client sees the order", len(theirs) == 1, theirs)
    other.client.cancelOrder(order.orderId, "") if LIB.__name__ == "ib_async" else other.client.cancelOrder(
        order.orderId
    )
    checks.that("but may not cancel it", await until(lambda: 10147 in errors), errors)
    other.disconnect()
    again.reqGlobalCancel()
    gone = await until(lambda: not again.openTrades())
    checks.that("global cancel", gone, again.openTrades())
    again.disconnect()


async def check_duplicate(ib, checks: Checks, port: int) -> None:
    twin = LIB.IB()
    errors = []
    twin.errorEvent += lambda request_id, code, text, contract: errors.append(code)
    with contextlib.suppress(TimeoutError, ConnectionError):
        await twin.connectAsync(HOST, port, clientId=CLIENT_ID, timeout=1)
    checks.that("duplicate client id is refused with 326", 326 in errors and not twin.isConnected(), errors)
    twin.disconnect()


async def scenario(checks: Checks, port: int) -> None:
    ib = await connected(port)
    checks.that("connected", ib.isConnected(), ib)
    await check_duplicate(ib, checks, port)
    await check_account(ib, checks)
    stock, future = await check_contracts(ib, checks)
    await check_level_1(ib, checks, stock, future)
    await check_depth(ib, checks, stock, future)
    await check_streams(ib, checks, stock)
    await check_history(ib, checks, stock)
    await check_market_order(ib, checks, stock)
    (quote,) = await ib.reqTickersAsync(stock)
    await check_limit_order(ib, checks, stock, quote.bid)
    await check_bracket(ib, checks, stock, quote.ask)
    await check_reconnect(ib, checks, stock, quote.bid, port)


if __name__ == "__main__":
    run(LIB.__name__, lambda checks, port: asyncio.run(scenario(checks, port)))
