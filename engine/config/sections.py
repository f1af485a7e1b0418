"""Every section of cockpit.toml as a frozen model: types, defaults, units, safe ranges."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict

from engine.config.values import (
    Gateway,
    HeadlessPolicy,
    MarketDataType,
    OnBreach,
    OnExhausted,
    OnSignal,
    OnTerminalLoss,
    OrphanPolicy,
    TimeInForce,
    UnfilledPolicy,
    WallTime,
    World,
    key,
    matching,
)

_ACCOUNT = matching(r"[A-Za-z0-9]{0,20}", "an account id of letters and digits, or nothing")
_RUN_ID = matching(r"[A-Za-z0-9._-]{0,64}", "at most 64 letters, digits, dots, dashes, underscores")
_FILE_NAME = matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "a plain file name without a folder, like 'KILL'")
SYMBOL = matching(
    r"[A-Z0-9][A-Z0-9. ]{0,19}(@[A-Z][A-Z0-9]{1,9})?", "a symbol like 'SPY', or a future like 'ES@CME'"
)


class Section(BaseModel):
    """Frozen, strict about types, and closed: an unknown key is an error."""

    # Put together at first use: the whole configuration has all of them in it, so that none is needed alone.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)

    @classmethod
    def untouched(cls) -> Self:
        """Every key at its default, taken as it stands: a test says that each would pass its check."""
        return cls.model_construct()


class RunSection(Section):
    """One run of the engine."""

    id: Annotated[str, AfterValidator(_RUN_ID)] = ""
    """Name of the run in log and store; empty = a new UUIDv4 each time."""


class ModeSection(Section):
    """How real it may get. The mode itself is a flag: --paper, --dry-run, --live."""

    live_enabled: bool = False
    """One of the conditions of --live, which names everything that is missing."""


class BrokerSection(Section):
    """Where orders go, and what the embedded paper gateway simulates."""

    gateway: Gateway = Gateway.AUTO
    """auto = embedded with --paper, tws otherwise (IB_HOST or IB_PORT select tws); or embedded, or tws."""
    speed: float = key(1.0, unit="x", gt=0, le=1000)
    """How fast the embedded exchange clock runs."""
    seed: int = key(1, ge=0, le=2**63 - 1)
    """Seed of the embedded market: the same seed makes the same prices."""
    tape: str = ""
    """Folder with a recorded day that becomes the embedded market; empty = synthetic prices."""
    world: World = World.EDGE
    """What there is to be learnt of simulated futures: null = nothing, edge = an edge that lasts, flip = one
    that turns every two hours, costly = one that costs eat."""
    start_at: WallTime = key(time(10, 0), unit="ET")
    """Exchange time at which the embedded market of a new session starts."""
    data_lines: int = key(100, ge=1, le=10000)
    """Market data lines of the embedded account; how many are used says market_data.max_lines."""


class ConnectionSection(Section):
    """The link to TWS or IB Gateway, and what happens when it is lost."""

    host: str = key("127.0.0.1", min_length=1)
    """Host of TWS or IB Gateway (IB_HOST)."""
    port: int = key(7497, ge=1, le=65535)
    """Port: TWS paper 7497, IB Gateway paper 4002 (IB_PORT)."""
    account: Annotated[str, AfterValidator(_ACCOUNT)] = ""
    """Account to trade where the login manages several; empty = the only one it has."""
    client_id: int = key(1, ge=1, le=2**31 - 1)
    """Our client id, always the same, because the broker gives orders back to their id (IB_CLIENT_ID)."""
    max_attempts: int = key(3, ge=1, le=100)
    """Reconnect attempts before the link counts as given up; the first one is at once."""
    interval_s: float = key(10.0, unit="s", gt=0, le=600)
    """Time between two attempts."""
    on_exhausted: OnExhausted = OnExhausted.STANDBY
    """After the last attempt: standby (stay up, blocked, keep trying) or exit (save, code 1)."""
    standby_base_s: float = key(10.0, unit="s", gt=0, le=600)
    """Longest first wait in standby; every wait is drawn between 0 and its ceiling (full jitter)."""
    standby_factor: float = key(2.0, unit="x", ge=1, le=10)
    """Growth of that ceiling per attempt."""
    standby_cap_s: float = key(60.0, unit="s", gt=0, le=3600)
    """Highest ceiling of a wait in standby."""
    heartbeat_s: float = key(1.0, unit="s", gt=0, le=60)
    """Time between two questions for a sign of life."""
    detect_s: float = key(3.0, unit="s", gt=0, le=60)
    """Silence after which a peer counts as frozen; longer than heartbeat_s."""


class RetrySection(Section):
    """Questions that change nothing and that the broker was too busy for. Orders are never sent again."""

    base_ms: float = key(200.0, unit="ms", gt=0, le=60_000)
    """Longest first wait; every wait is drawn between 0 and its ceiling, which doubles (full jitter)."""
    cap_s: float = key(5.0, unit="s", gt=0, le=60)
    """Highest ceiling of a wait."""
    max_attempts: int = key(6, ge=1, le=20)
    """How often a question is asked, the first time counted."""


class QuietSection(Section):
    """Instruments whose quotes move seldom, per asset class; 0 = as max_quote_age_seconds."""

    STK: float = key(0.0, unit="s", ge=0, le=3600)
    """Stocks and ETFs."""
    FUT: float = key(0.0, unit="s", ge=0, le=3600)
    """Futures."""


class MarketDataSection(Section):
    """What is subscribed, and when a price is too old."""

    type: MarketDataType = MarketDataType.LIVE
    """1 live, 2 frozen, 3 delayed, 4 delayed and frozen; entries need live prices."""
    max_lines: int = key(100, ge=1, le=10000)
    """Market data lines of the account; an instrument takes two (prices, 5-second bars). First come what is
    held, what is worked, the watch list by score, then the most traded."""
    live_bars_in_10_min: int = key(60, ge=0, le=60)
    """New lines of live 5-second bars asked for in ten minutes, at most; IBKR allows 60, history of short
    bars counted among them. Those beyond wait, with prices meanwhile. 0 = a gateway that does not count."""
    resubscribe_after_s: float = key(30.0, unit="s", ge=5, le=3600)
    """A line that delivered nothing for so long, in an open market, is asked for again."""
    max_quote_age_seconds: float = key(5.0, unit="s", gt=0, le=3600)
    """A quote older than this blocks entries of its symbol."""
    max_spread_bps: float = key(30.0, unit="bps", gt=0, le=1000)
    """A wider spread, of the mid, blocks entries of its symbol; one price step never is too wide."""
    max_ohlcv_age_seconds: float = key(90.0, unit="s", ge=60, le=86400)
    """A minute bar that closed longer ago blocks entries of its symbol."""
    alert_age_seconds: float = key(30.0, unit="s", gt=0, le=3600)
    """A quote older than this raises the alert of old data from WARNING to ERROR."""
    outlier_sigma: float = key(6.0, unit="sigma", gt=0, le=100)
    """A tick whose mid jumps farther decides nothing, until ticks that stay there confirm the new level."""
    outlier_window_s: float = key(60.0, unit="s", ge=30, le=3600)
    """Exchange time over which sigma is measured, of the changes from second to second."""
    max_quote_age_of: QuietSection = QuietSection.untouched()
    """Other ages for quiet asset classes."""


class DataSection(Section):
    """Bars."""

    warmup_bars: int = key(20, unit="bars", ge=0, le=10000)
    """Least history fetched per symbol before a strategy is live; one that needs more gets more."""
    max_gap_s: float = key(900.0, unit="s", ge=0, le=86400)
    """Longest gap after a restart over which stored bars are continued; a longer one warms up anew."""


class SessionsSection(Section):
    """When entries are allowed, on the exchange clock."""

    entry_start: WallTime = key(time(9, 45), unit="ET")
    """No entry before."""
    entry_end: WallTime = key(time(15, 0), unit="ET")
    """No entry from here on."""
    open_delay_s: float = key(2.0, unit="s", ge=0, le=3600)
    """No entry so long after the open of an instrument's regular session."""
    no_entry_minutes: float = key(15.0, unit="min", ge=0, le=240)
    """No entry so long before an instrument's own close either; early closes count."""
    eod_close: WallTime = key(time(15, 55), unit="ET")
    """Day positions in stocks are closed by then, in futures by their own session's end."""
    flatten_minutes: float = key(5.0, unit="min", ge=5, le=240)
    """Day positions are closed at least so long before the close."""
    flatten_lead_minutes: float = key(1.0, unit="min", ge=0, le=60)
    """So much earlier the closing begins, so that its fills are there in time."""


class AllowShortSection(Section):
    """May positions be short, per asset class; a strategy can only narrow it."""

    STK: bool = False
    """Stocks and ETFs."""
    FUT: bool = True
    """Futures."""


class OrderSizeSection(Section):
    """Most units of one entry order, per asset class: what a slip of a digit would break."""

    STK: int = key(10_000, unit="shares", ge=1)
    """Stocks and ETFs."""
    FUT: int = key(50, unit="contracts", ge=1)
    """Futures."""


class DrawdownSection(Section):
    """How far equity may fall from its highest value before risk.on_breach acts."""

    session: float = key(3.0, unit="%", gt=0, le=100)
    """Of the highest value of the trading day."""
    rolling: float = key(10.0, unit="%", gt=0, le=100)
    """Of the highest value of the last window_days trading days."""
    window_days: int = key(20, unit="days", ge=1, le=60)
    """Trading days of the rolling limit."""
    derisk_start: float = key(0.5, unit="x", gt=0, le=1)
    """Share of a limit from which entries shrink, linearly down to nothing at the limit."""


class RepeatSection(Section):
    """Repeated execution: a strategy that fills too often is paused until a person resumes it."""

    n: int = key(5, ge=1, le=1000)
    """Filled entries in window_s that are still in order."""
    window_s: float = key(60.0, unit="s", gt=0, le=3600)
    """Exchange time over which they are counted."""


class RiskSection(Section):
    """Size and limits. Exposure of a stock is its notional, of a future its initial margin."""

    risk_per_trade_pct: float = key(0.5, unit="% NLV", gt=0, le=5)
    """Loss of one trade at its stop, from which its size follows; may be changed while it runs."""
    volatility_target_pct: float = key(0.0, unit="% NLV", ge=0, le=20)
    """What one position may move in a typical session (average true range): sizes entries by it; 0 = off."""
    max_positions: int = key(3, ge=1, le=50)
    """Positions at the same time, working entries counted; may be changed while it runs."""
    max_gross_exposure: float = key(100_000.0, unit="USD", gt=0)
    """Exposure of everything held and working."""
    per_symbol_notional_cap: float = key(25_000.0, unit="USD", gt=0)
    """Notional of one stock."""
    per_symbol_margin_cap: float = key(50_000.0, unit="USD", gt=0)
    """Initial margin of one future."""
    max_position_size_pct: float = key(5.0, unit="% NLV", gt=0, le=100)
    """Exposure of one position; may be changed while it runs."""
    min_order_value: float = key(100.0, unit="USD", ge=0)
    """Least value of an entry after its commission: a smaller one is not worth its fees."""
    cooldown_minutes: float = key(1.0, unit="min", ge=0, le=1440)
    """Exchange time after a fill in which its symbol takes no entry; 0 = none."""
    cooldown_after_stop_minutes: float = key(5.0, unit="min", ge=0, le=1440)
    """The same after a protective stop closed a position in it."""
    max_attempts: int = key(2, ge=1, le=100)
    """Entries that may fill per pivot, side and trading day."""
    max_total_at_risk_pct: float = key(15.0, unit="% NLV", gt=0, le=1000)
    """Exposure of everything held and working; may be changed while it runs."""
    max_order_value: float = key(50_000.0, unit="USD", gt=0)
    """Exposure of one entry order."""
    max_account_age_s: float = key(60.0, unit="s", ge=5, le=600)
    """Age from which equity, funds and margins are too old to enter on; asked for three times in it."""
    price_collar_pct: float = key(2.0, unit="%", gt=0, le=50)
    """Farthest an entry's limit may be from the fresh price."""
    orders_per_minute: int = key(60, ge=1, le=3000)
    """Orders in a minute of exchange time after which entries wait; exits and cancels never do."""
    duplicate_window_s: float = key(2.0, unit="s", ge=0, le=3600)
    """Exchange time in which a symbol and side takes no second entry without a new signal."""
    daily_loss_pct: float = key(2.0, unit="% NLV", gt=0, le=100)
    """Loss of the trading day at which risk.on_breach acts, of the equity it began with."""
    symbol_daily_loss_pct: float = key(1.0, unit="% NLV", gt=0, le=100)
    """Loss of one symbol at which it takes no more entries that day."""
    on_breach: OnBreach = OnBreach.HALT
    """At the daily loss or a drawdown limit: halt (entries cancelled, stops stay) or kill (all closed)."""
    min_conviction_to_propose: float = key(0.5, ge=0, le=1)
    """Least conviction of an entry; rises to 1 while a drawdown uses up its limit."""
    restricted: tuple[Annotated[str, AfterValidator(SYMBOL)], ...] = ()
    """Symbols that are never entered."""
    repeated_execution: RepeatSection = RepeatSection.untouched()
    """When a strategy fills too often."""
    max_drawdown_pct: DrawdownSection = DrawdownSection.untouched()
    """How far equity may fall."""
    max_order_size: OrderSizeSection = OrderSizeSection.untouched()
    """Most units of one order."""
    allow_short: AllowShortSection = AllowShortSection.untouched()
    """May positions be short, per asset class."""


class ExecutionSection(Section):
    """How orders are sent."""

    tif: TimeInForce = TimeInForce.DAY
    """Time in force of entries: DAY or GTC."""
    stop_tif: TimeInForce = TimeInForce.GTC
    """Time in force of protective stops: GTC outlives the day and the engine."""
    commission_per_share: float = key(0.005, unit="USD", ge=0, le=10)
    """Commission of a share, reckoned with until the broker reports the real one."""
    commission_minimum: float = key(1.0, unit="USD", ge=0, le=100)
    """Least commission of an order in stocks."""
    commission_cap_pct: float = key(1.0, unit="%", gt=0, le=100)
    """Highest commission of an order in stocks, of its value."""
    commission_per_contract: float = key(2.25, unit="USD", ge=0, le=100)
    """Commission of a future, exchange fees included."""
    entry_ticks_through: int = key(2, unit="ticks", ge=0, le=50)
    """How far an entry's limit goes through the touch."""
    unfilled_timeout_s: float = key(30.0, unit="s", gt=0, le=86400)
    """Exchange time after which an entry that has not filled is given up."""
    unfilled_policy: UnfilledPolicy = UnfilledPolicy.CANCEL
    """What becomes of its rest: cancel, or market (the cancel is proven first, then the rest is bought)."""
    naked_limit_s: float = key(10.0, unit="s", gt=0, le=300)
    """Time a position may be without a working stop, connected and its market open; then it is closed.
    An exit that is not done after half of it gets a stop beside it, in one one-cancels-all group."""
    stop_grace_s: float = key(3.0, unit="s", ge=0.5, le=60)
    """Time the price may stand beyond a stop that does not fill; then the engine closes by itself."""


class PositionSection(Section):
    """How long a position may be open, in hours of open session (a partial starts anew; 0 = never), and the
    stop of one that never had any."""

    age_warn_h: float = key(2.0, unit="h", ge=0, le=1000)
    """Older than this is a warning."""
    age_error_h: float = key(4.0, unit="h", ge=0, le=1000)
    """Older than this is an error and an alert."""
    age_close_h: float = key(6.0, unit="h", ge=0, le=1000)
    """Older than this is closed by the engine (max_age)."""
    default_stop_pct: float = key(2.0, unit="%", gt=0, le=50)
    """Distance of the stop of a position that came without one, also of an adopted one without history."""


class KillSection(Section):
    """The kill switch."""

    flatten: bool = True
    """true closes every position; false cancels what adds risk and re-protects what is held."""
    flag_file: Annotated[str, AfterValidator(_FILE_NAME)] = "KILL"
    """Name of the file in the state folder that kills when it appears; its text is the reason."""
    cancel_s: float = key(10.0, unit="s", gt=0, le=60)
    """Time within which no order of ours that adds risk is working."""
    refill_watch_s: float = key(10.0, unit="s", ge=0, le=300)
    """Time for which late fills are watched after the account is flat."""


class ReconcileSection(Section):
    """When books and broker are compared. Always at start and after every reconnect as well."""

    interval_s: float = key(300.0, unit="s", ge=1, le=3600)
    """Time between two comparisons of the whole account while nothing happens."""
    after_trade_s: float = key(1.0, unit="s", gt=0, le=60)
    """Time within which the account is compared after a trade, ours or another's."""
    block_on_mismatch: bool = True
    """true blocks entries from a difference in what we hold until a comparison finds none."""


class OrphansSection(Section):
    """Positions and orders at the broker that nobody knows. Entries are blocked until all are settled."""

    policy: OrphanPolicy = OrphanPolicy.ASK
    """At start with a screen: ask, adopt (with a stop), close (at market), abort (exit 4, nothing sent)."""
    headless_policy: HeadlessPolicy = HeadlessPolicy.ABORT
    """At start without a screen: adopt, close or abort. Later finds always wait for a person."""
    stop_atr: float = key(2.0, unit="x", gt=0, le=20)
    """Distance of an adopted position's stop in ATRs of 14 days; without history default_stop_pct counts."""


class StateSection(Section):
    """What outlives the process."""

    dir: str = key("state", min_length=1)
    """Folder of the state. In a file it counts from that file's folder; without a file the default is
    $XDG_STATE_HOME/cockpit."""
    checkpoint_s: float = key(10.0, unit="s", ge=1, le=600)
    """Time between two checkpoints of what is not written at every change: bars, analytics, last bars."""
    stale_warn_h: float = key(24.0, unit="h", gt=0, le=8760)
    """Age of the stored state above which a start warns."""
    backup_interval_minutes: float = key(5.0, unit="min", ge=1, le=1440)
    """Time between two backups of the state; one is also made at every start and end, and at each new day."""
    retention_days: int = key(90, unit="days", ge=30, le=3650)
    """Age at which events, done orders and their fills are let go; never those of an open position."""


class ShutdownSection(Section):
    """What happens to positions when the engine goes."""

    on_signal: OnSignal = OnSignal.FLATTEN
    """SIGINT, SIGTERM and a plain `cockpit stop`: flatten (day strategies) or keep (stops stay)."""
    on_terminal_loss: OnTerminalLoss = OnTerminalLoss.PAUSE_ENTRIES
    """Lost terminal: pause-entries, flatten-and-stop, or keep-running (after `cockpit alerts test` only)."""
    timeout_s: float = key(30.0, unit="s", gt=0, le=600)
    """Longest graceful stop; what is still open then is named and the exit code is 1."""
    dead_man_minutes: float = key(0.0, unit="min", ge=0, le=1440)
    """Time without a key, a command or a screen that attaches after which entries are paused; 0 = never."""
