"""The official client (ibapi 9.81) as an independent judge of the gateway at server version 157.

Usage: python official.py PORT, in an environment with ibapi. Its calls are paced, for it has no throttle.
"""

from __future__ import annotations

import sys
import threading
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from checks import Checks, run
from ibapi.client import EClient
from ibapi.contract import Contract
from ibapi.execution import ExecutionFilter
from ibapi.order import Order
from ibapi.wrapper import EWrapper

HOST = "127.0.0.1"
CLIENT_ID = 21
PACE_S = 0.025
_HEARD = (
    "accountDownloadEnd",
    "accountSummary",
    "accountSummaryEnd",
    "commissionReport",
    "completedOrder",
    "completedOrdersEnd",
    "contractDetails",
    "contractDetailsEnd",
    "currentTime",
    "execDetails",
    "execDetailsEnd",
    "headTimestamp",
    "historicalData",
    "historicalDataEnd",
    "historicalDataUpdate",
    "historicalTicksLast",
    "managedAccounts",
    "marketDataType",
    "marketRule",
    "mktDepthExchanges",
    "nextValidId",
    "openOrder",
    "openOrderEnd",
    "orderStatus",
    "pnl",
    "pnlSingle",
    "position",
    "positionEnd",
    "realtimeBar",
    "symbolSamples",
    "tickByTickAllLast",
    "tickByTickBidAsk",
    "tickByTickMidPoint",
    "tickPrice",
    "tickSize",
    "tickSnapshotEnd",
    "tickString",
    "updateAccountTime",
    "updateAccountValue",
    "updateMktDepth",
    "updateMktDepthL2",
    "updatePortfolio",
    "accountUpdateMulti",
    "accountUpdateMultiEnd",
)


class Client(EWrapper, EClient):
    """Records the arguments of every callback by its name."""

    def __init__(self) -> None:
        EClient.__init__(self, self)
        self.heard = defaultdict(list)
        self.errors: list[tuple[int, int]] = []
        self.has_ended = threading.Event()
        self._pause = threading.Event()
        self._changed = threading.Condition()
        for name in _HEARD:
            setattr(self, name, self._recorder(name))

    def run_to_end(self) -> None:
        """The reader loop, on a thread of its own."""
        self.run()
        self.has_ended.set()

    def _recorder(self, name):
        def record(*arguments):
            with self._changed:
                self.heard[name].append(arguments)
                self._changed.notify_all()

        return record

    def error(self, request_id, code, text):
        with self._changed:
            self.errors.append((request_id, code))
            self._changed.notify_all()

    def until(self, condition, within_s: float = 15.0):
        """The first truthy result of the condition, else its last."""
        with self._changed:
            self._changed.wait_for(condition, within_s)
            return condition()

    def ask(self, name: str, *arguments) -> None:
        """Send a request, paced."""
        self._pause.wait(PACE_S)
        getattr(EClient, name)(self, *arguments)

    def statuses(self, order_id: int) -> list[str]:
        """Every state told of an order, in order."""
        return [row[1] for row in self.heard["orderStatus"] if row[0] == order_id]


def connect(client_id: int, port: int) -> Client:
    client = Client()
    client.connect(HOST, port, client_id)
    threading.Thread(target=client.run_to_end, daemon=True).start()
    return client


def contract(**fields) -> Contract:
    wanted = Contract()
    for name, value in fields.items():
        setattr(wanted, name, value)
    return wanted


def order(action: str, quantity: int, kind: str, **fields) -> Order:
    made = Order()
    made.action, made.totalQuantity, made.orderType, made.tif = action, quantity, kind, "DAY"
    for name, value in fields.items():
        setattr(made, name, value)
    return made


SPY = contract(symbol="SPY", secType="STK", exchange="SMART", currency="USD")


def check_account(client: Client, checks: Checks) -> None:
    checks.that(
        "managedAccounts and nextValidId",
        client.until(lambda: client.heard["managedAccounts"] and client.heard["nextValidId"]),
    )
    account = client.heard["managedAccounts"][0][0].strip(",")
    client.ask("reqAccountUpdates", True, account)
    checks.that("account updates end", client.until(lambda: client.heard["accountDownloadEnd"]))
    values = {row[0]: row[1] for row in client.heard["updateAccountValue"]}
    checks.that("the gateway names itself", values.get("GatewayKind") == "cockpit-embedded", values)
    client.ask("reqAccountUpdatesMulti", 901, account, "", False)
    checks.that("multi updates end", client.until(lambda: client.heard["accountUpdateMultiEnd"]))
    client.ask("reqAccountSummary", 902, "All", "NetLiquidation,BuyingPower")
    checks.that(
        "summary",
        client.until(lambda: client.heard["accountSummaryEnd"]) and len(client.heard["accountSummary"]) == 2,
        client.heard["accountSummary"],
    )
    client.ask("reqPositions")
    checks.that("positions end", client.until(lambda: client.heard["positionEnd"]))
    client.ask("reqPnL", 903, account, "")
    checks.that("P&L", client.until(lambda: client.heard["pnl"]))
    client.ask("reqCurrentTime")
    checks.that("current time", client.until(lambda: client.heard["currentTime"]))


def check_contracts(client: Client, checks: Checks) -> tuple[Contract, Contract]:
    client.ask("reqContractDetails", 1, SPY)
    checks.that("stock details end", client.until(lambda: client.heard["contractDetailsEnd"]))
    details = client.heard["contractDetails"][0][1]
    checks.that(
        "stock details",
        details.contract.conId > 0 and details.minTick > 0 and ":" in details.tradingHours,
        vars(details),
    )
    client.ask("reqContractDetails", 2, contract(symbol="ES", secType="FUT", exchange="CME"))
    client.until(lambda: len(client.heard["contractDetailsEnd"]) == 2)
    chain = [row[1].contract for row in client.heard["contractDetails"] if row[0] == 2]
    checks.that("futures chain", len(chain) >= 2 and chain[0].multiplier == "50", chain)
    client.ask("reqContractDetails", 3, contract(symbol="NOSUCH", secType="STK", exchange="SMART"))
    checks.that("unknown symbol is error 200", client.until(lambda: (3, 200) in client.errors), client.errors)
    client.ask("reqMatchingSymbols", 4, "SP")
    checks.that("matching symbols", client.until(lambda: client.heard["symbolSamples"]))
    client.ask("reqMarketRule", int(details.marketRuleIds.split(",")[0]))
    checks.that("market rule", client.until(lambda: client.heard["marketRule"]))
    client.ask("reqMktDepthExchanges")
    checks.that("depth exchanges", client.until(lambda: client.heard["mktDepthExchanges"]))
    return details.contract, chain[0]


def check_data(client: Client, checks: Checks, stock: Contract, future: Contract) -> float:
    client.ask("reqMarketDataType", 1)
    client.ask("reqMktData", 10, stock, "233", False, False, [])
    kinds = lambda: {row[1] for row in client.heard["tickPrice"] if row[0] == 10}  # noqa: E731
    checks.that(
        "bid, ask, last, high, low, close, open",
        client.until(lambda: {1, 2, 4, 6, 7, 9, 14} <= kinds()),
        kinds(),
    )
    checks.that(
        "sizes",
        client.until(lambda: {row[1] for row in client.heard["tickSize"]} & {0, 3}),
        client.heard["tickSize"][:3],
    )
    checks.that("RTVolume", client.until(lambda: any(row[1] == 48 for row in client.heard["tickString"])))
    client.ask("cancelMktData", 10)
    client.ask("reqMktData", 11, stock, "", True, False, [])
    checks.that("snapshot ends", client.until(lambda: client.heard["tickSnapshotEnd"]))
    client.ask("reqMktDepth", 12, stock, 5, True, [])
    checks.that("depth with makers", client.until(lambda: len(client.heard["updateMktDepthL2"]) >= 10))
    client.ask("cancelMktDepth", 12, True)
    client.ask("reqMktDepth", 13, future, 5, False, [])
    checks.that("plain depth", client.until(lambda: len(client.heard["updateMktDepth"]) >= 10))
    client.ask("cancelMktDepth", 13, False)
    heard = (
        ("Last", "tickByTickAllLast"),
        ("BidAsk", "tickByTickBidAsk"),
        ("MidPoint", "tickByTickMidPoint"),
    )
    for number, (kind, callback) in enumerate(heard, start=14):
        client.ask("reqTickByTickData", number, stock, kind, 0, False)
        checks.that(f"tick by tick {kind}", client.until(lambda name=callback: client.heard[name]))
        client.ask("cancelTickByTickData", number)
    client.ask("reqRealTimeBars", 18, stock, 5, "TRADES", False, [])
    checks.that("five-second bar", client.until(lambda: client.heard["realtimeBar"]))
    client.ask("cancelRealTimeBars", 18)
    return next(row[2] for row in reversed(client.heard["tickPrice"]) if row[1] == 1)


def check_history(client: Client, checks: Checks, stock: Contract) -> None:
    client.ask("reqHistoricalData", 30, stock, "", "3600 S", "1 min", "TRADES", 1, 2, True, [])
    checks.that(
        "history",
        client.until(lambda: client.heard["historicalDataEnd"]) and len(client.heard["historicalData"]) >= 30,
        len(client.heard["historicalData"]),
    )
    checks.that("history keeps up", client.until(lambda: client.heard["historicalDataUpdate"]))
    client.ask("cancelHistoricalData", 30)
    client.ask("reqHeadTimeStamp", 31, stock, "TRADES", 1, 1)
    checks.that("head timestamp", client.until(lambda: client.heard["headTimestamp"]))
    client.ask("reqHistoricalTicks", 32, stock, "", "20991231 00:00:00", 10, "TRADES", 1, True, [])
    checks.that("historical ticks", client.until(lambda: client.heard["historicalTicksLast"]))


def check_orders(client: Client, checks: Checks, stock: Contract, bid: float) -> int:
    first = client.heard["nextValidId"][-1][0]
    client.ask("placeOrder", first, stock, order("BUY", 100, "MKT", orderRef="official"))
    checks.that(
        "market order fills", client.until(lambda: "Filled" in client.statuses(first)), client.statuses(first)
    )
    checks.that(
        "execution and commission",
        client.until(lambda: client.heard["execDetails"] and client.heard["commissionReport"]),
    )
    checks.that(
        "position",
        client.until(lambda: any(row[2] == 100 for row in client.heard["position"])),
        client.heard["position"],
    )
    checks.that("portfolio", client.until(lambda: client.heard["updatePortfolio"]))
    far = round(bid * 0.97, 2)
    client.ask("placeOrder", first + 1, stock, order("BUY", 10, "LMT", lmtPrice=far))
    checks.that(
        "limit works",
        client.until(lambda: "Submitted" in client.statuses(first + 1)),
        client.statuses(first + 1),
    )
    client.ask("cancelOrder", first + 1)
    checks.that(
        "cancel, then 202",
        client.until(lambda: "Cancelled" in client.statuses(first + 1) and (first + 1, 202) in client.errors),
        client.errors,
    )
    parent, target, stop = first + 2, first + 3, first + 4
    client.ask(
        "placeOrder", parent, stock, order("BUY", 50, "LMT", lmtPrice=round(bid * 1.01, 2), transmit=False)
    )
    client.ask(
        "placeOrder",
        target,
        stock,
        order("SELL", 50, "LMT", lmtPrice=round(bid * 1.05, 2), parentId=parent, transmit=False),
    )
    client.ask(
        "placeOrder", stop, stock, order("SELL", 50, "STP", auxPrice=round(bid * 0.95, 2), parentId=parent)
    )
    checks.that(
        "bracket parent fills",
        client.until(lambda: "Filled" in client.statuses(parent)),
        client.statuses(parent),
    )
    working = {"Submitted", "PreSubmitted"}
    checks.that(
        "bracket children work",
        client.until(lambda: working & set(client.statuses(target)) and working & set(client.statuses(stop))),
    )
    probe = order("BUY", 100, "MKT", whatIf=True)
    client.ask("placeOrder", first + 5, stock, probe)
    checks.that(
        "what-if",
        client.until(
            lambda: [
                row
                for row in client.heard["openOrder"]
                if row[0] == first + 5 and float(row[3].initMarginChange) > 0
            ]
        ),
    )
    client.ask("reqExecutions", 40, ExecutionFilter())
    checks.that("executions end", client.until(lambda: client.heard["execDetailsEnd"]))
    client.ask("reqCompletedOrders", False)
    checks.that(
        "completed orders",
        client.until(lambda: client.heard["completedOrdersEnd"]) and client.heard["completedOrder"],
    )
    return target


def check_reconnect(client: Client, checks: Checks, port: int, target: int) -> None:
    client.disconnect()
    # Its reader holds the socket open for up to a second more; until then the client id is in use.
    client.until(client.has_ended.is_set)
    again = connect(CLIENT_ID, port)
    again.until(lambda: again.heard["nextValidId"])
    again.ask("reqOpenOrders")
    again.until(lambda: again.heard["openOrderEnd"])
    seen = [row[0] for row in again.heard["openOrder"]]
    checks.that("open order comes back", target in seen, seen)
    again.ask("reqGlobalCancel")
    checks.that(
        "global cancel", again.until(lambda: "Cancelled" in again.statuses(target)), again.statuses(target)
    )
    again.disconnect()


def scenario(checks: Checks, port: int) -> None:
    client = connect(CLIENT_ID, port)
    checks.that("connected at version 157", client.serverVersion() == 157, client.serverVersion())
    check_account(client, checks)
    stock, future = check_contracts(client, checks)
    bid = check_data(client, checks, stock, future)
    check_history(client, checks, stock)
    target = check_orders(client, checks, stock, bid)
    check_reconnect(client, checks, port, target)


if __name__ == "__main__":
    run("ibapi", scenario)
