"""The one list of alerts, so that each has a severity, a thing to do and a place in the runbook.

An alert is raised by its code; a code that is not listed here is a mistake that a test finds. At runtime it
is told all the same, because an alert that is lost is worse than one that is badly labelled.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from engine.api import Level


class AlertRule(NamedTuple):
    """One kind of alert."""

    code: str
    level: Level
    """The worst it can be."""
    title: str
    """What it is about, in a few words."""
    to_do: str
    """The first thing a person does; `docs/runbook.md#alert-<code>` says the rest."""
    ends_itself: bool = True
    """True where the engine takes it back when its cause has ended; False where only a person ends it."""

    @property
    def anchor(self) -> str:
        """Its place in docs/runbook.md; codes of one family share theirs."""
        return f"alert-{self.code.replace('_', '-')}"


_W, _E, _C = Level.WARNING, Level.ERROR, Level.CRITICAL

_STATE = (
    AlertRule("previous_session_crashed", _W, "crash recovered", "read the restart report (O)", False),
    AlertRule("state_old", _W, "old state", "compare positions with the broker's", False),
    AlertRule("state_damaged", _E, "damaged state", "compare with the broker, then cockpit resume", False),
    AlertRule("state_rows", _E, "unreadable rows", "look at what the alert names", False),
    AlertRule("positions_rederived", _E, "positions written anew", "compare with the broker's", False),
    AlertRule("not_stored", _C, "the store cannot write", "free space or mend the disk"),
    AlertRule("not_kept", _W, "dry run without state", "make the state folder writable", False),
    AlertRule("no_backup", _W, "no backup", "free space or mend the folder"),
)

_ACCOUNT = (
    AlertRule("reconcile_mismatch", _E, "books and broker differed", "compare with TWS; O has it", False),
    AlertRule("incomplete_picture", _W, "account not told completely", "wait; it asks again"),
    AlertRule("orphan", _W, "a position nobody knows", "decide on the recovery screen (O)"),
    AlertRule("strange_order", _W, "an order nobody knows", "decide on the recovery screen (O)"),
    AlertRule("fraction", _E, "a fraction of a share", "close it in TWS, or leave it"),
    AlertRule("wrong_account", _C, "not our account", "check the login of TWS, start again", False),
    AlertRule("stale_account", _W, "old account figures", "wait; look at TWS if it goes on"),
    AlertRule("unverified", _W, "no broker at the start", "start TWS or the gateway"),
)

_ORDERS = (
    AlertRule("unknown_order", _C, "an order of unknown fate", "look it up in TWS, settle it (O)"),
    AlertRule("surfaced_order", _C, "an order works after its end", "look in TWS that it goes"),
    AlertRule("duplicate_order", _C, "a second order of one intent", "look at TWS: the second goes", False),
    AlertRule("overfill", _C, "more filled than ordered", "compare with TWS, reduce (f) if too much", False),
    AlertRule("naked", _C, "missing or rejected stop", "flatten (f) if it stays"),
    AlertRule("stop_not_filled", _C, "a stop that does not fill", "look at the price, flatten (f)"),
    AlertRule("position_age", _E, "position open too long", "close it (f), or let the engine do it"),
    AlertRule("not_flat_at_close", _C, "open at the day's end", "close it (f) before its market shuts"),
    AlertRule("ends_soon", _C, "its contract ends", "close it (f) before its last day is over"),
    AlertRule("forced_close", _C, "closed by the engine", "find out why before entering again", False),
)

_LINK = (
    AlertRule("link_down", _E, "line to the broker lost", "wait; look at TWS if it stays"),
    AlertRule("link_given_up", _C, "reconnecting was given up", "look at TWS and the network"),
    AlertRule("delayed_data", _W, "prices are not live", "check the data subscriptions"),
    AlertRule("data_lines", _W, "no data line left", "trade fewer symbols, or book lines (max_lines)"),
    AlertRule("no_history", _W, "no history", "wait; it warms up from live bars"),
    AlertRule("unknown_instrument", _W, "unknown instrument", "correct the symbol"),
    AlertRule("session_hours", _W, "hours differ", "look which is right; entries keep to the narrower"),
    AlertRule("scanner_file", _W, "a scanner file with mistakes", "mend the rows it names"),
    AlertRule("staleness", _E, "data stand still", "wait, or look at the feed"),
)

_SAFETY = (
    AlertRule("halt", _E, "halted", "look why, then R", False),
    AlertRule("kill", _C, "kill switch", "if NOT FLAT close what it names, K again; then R", False),
    AlertRule("cap_breach", _C, "a cap is exceeded", "reduce until it is not"),
    AlertRule("daily_loss", _C, "daily loss limit", "stay halted; look at the day"),
    AlertRule("drawdown", _C, "drawdown limit", "stay halted; look at the day"),
    AlertRule("regime", _W, "the market takes no entries", "wait; regime.override is your own word"),
    AlertRule("repeated_execution", _E, "a strategy fills too often", "look at it, then R", False),
    AlertRule(
        "breaker_error_rate", _W, "too many errors a minute", "read the log; entries go on by themselves"
    ),
    AlertRule("breaker_loop", _E, "a loop fails again and again", "read the log; one more ends the session"),
    AlertRule("health", _E, "health is bad", "look at the health panel"),
    AlertRule("drift", _W, "behaviour drifted", "look at the strategy's figures"),
    AlertRule("slo_violation", _W, "too slow", "look at the health panel and the machine"),
)

_ENGINE = (
    AlertRule("engine_failed", _C, "the engine failed", "look at the broker, then the log", False),
    AlertRule("act_failed", _E, "one act failed", "look at the log; the rest goes on", False),
    AlertRule("model_unreadable", _W, "a model is made anew", "nothing; its record makes it", False),
    AlertRule("strategy_off", _E, "a strategy is off", "look at the log; its stops stay", False),
    AlertRule("upkeep", _E, "a regular step failed", "look at the log; it is tried again"),
    AlertRule("operator_absent", _W, "nobody is there", "look at the day, then R"),
    AlertRule("terminal_lost", _W, "the terminal was lost", "cockpit attach, then R", False),
    AlertRule("channel_failed", _W, "an alert channel failed", "cockpit alerts test"),
    AlertRule("secret_due", _W, "time for a new secret", "change it, cockpit secrets rotated NAME"),
)

CATALOGUE: Final = {
    rule.code: rule for group in (_STATE, _ACCOUNT, _ORDERS, _LINK, _SAFETY, _ENGINE) for rule in group
}

_FAMILIES: Final = ("upkeep",)
"""Codes that go on after an underscore with the name of the part."""


def rule_of(code: str) -> AlertRule | None:
    """The rule of a code, or of its family; None where nothing is listed."""
    family = next((name for name in _FAMILIES if code.startswith(f"{name}_")), code)
    return CATALOGUE.get(family)
