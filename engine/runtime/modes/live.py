"""LIVE: refused with the list of what is missing; the account id is typed once, by a person."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial

from engine.config import (
    RUNTIME_KEYS,
    RUNTIME_WORDS,
    Config,
    Gateway,
    Loaded,
    Profile,
    with_value,
    with_word,
)
from engine.domain.account import is_paper_account
from engine.gates.case import Report
from engine.gates.evidence import Evidence, Kind
from engine.runtime.modes.code import code_id
from engine.runtime.modes.gather import evidence_in, judged
from engine.runtime.process.errors import RefusedError
from engine.runtime.process.lock import holder_of
from engine.runtime.process.options import RunOptions
from engine.runtime.process.paths import DATABASE
from engine.store.evidence import evidence, put_evidence
from engine.store.store import Store

LIVE = "LIVE"


def permission(
    loaded: Loaded,
    *,
    environ: Mapping[str, str],
    ask: Callable[[str], str] | None,
    say: Callable[[str], None],
) -> str:
    """Asked before anything is started: the account id that was typed, or nothing where it is remembered.

    Raises RefusedError with everything that is missing. A LIVE engine that runs here already was let through.
    """
    holder = holder_of(loaded.state_dir)
    if holder is not None and holder.mode == LIVE:
        return ""
    refuse(judged(loaded, now=datetime.now(UTC), environ=environ), loaded)
    if _remembered(loaded):
        return ""
    if ask is None:
        raise RefusedError(
            "--live needs the account id, typed once for this configuration and version: start it at a "
            "terminal. Nothing was started."
        )
    say(f"configuration {subject_of(loaded.config)[:12]}, program {code_id()[:12]}: REAL MONEY.")
    typed = ask("Type the id of the account that it may trade: ").strip()
    if not typed or is_paper_account(typed):
        raise RefusedError("no account id of real money was typed; nothing was started. Use --paper.")
    return typed


def refuse(report: Report, loaded: Loaded) -> None:
    """Raise RefusedError naming everything that stands in the way; nothing where all is proven."""
    missing = [f"{row.title}: {row.text} ({row.code})" for row in report.missing]
    if loaded.gateway is Gateway.EMBEDDED:
        missing.insert(0, "broker.gateway is 'embedded': live trading needs TWS or IB Gateway")
    if missing:
        listed = "".join(f"\n  - {text}" for text in missing)
        raise RefusedError(
            f"--live is refused, nothing was started. What is missing:{listed}\n"
            "`cockpit gates` shows the evidence. Use --paper."
        )


async def begin_live(loaded: Loaded, options: RunOptions, store: Store) -> None:
    """Asked again by the engine itself, now that the broker has named the account. Raises RefusedError."""
    account = options.gateway.account
    if is_paper_account(account):
        raise RefusedError(f"account {account} is a paper account; start with --paper instead.")
    now = datetime.now(UTC)
    refuse(await asyncio.to_thread(judged, loaded, now=now, environ=os.environ), loaded)
    subject = subject_of(loaded.config)
    if is_confirmed(await store.read(evidence), account=account, subject=subject):
        return
    if options.typed_account != account:
        typed = f"{options.typed_account} was typed" if options.typed_account else "none was typed"
        raise RefusedError(
            f"the broker's account is {account}, and {typed}: its id is typed once for this configuration "
            "and version. Start `cockpit --live` at a terminal; nothing was sent."
        )
    row = Evidence(
        kind=Kind.CONFIRMED,
        subject=subject,
        at=now,
        passed=True,
        gateway=options.gateway.kind,
        account=account,
        mode=LIVE,
        speed=1.0,
        version=options.version,
        code=code_id(),
        config=loaded.config.fingerprint,
        facts={},
    )
    await store.run(partial(put_evidence, row=row, boot_id=store.boot_id))


def subject_of(config: Config) -> str:
    """What a typed account id is for: this program and configuration, but what may change while it runs."""
    for key in RUNTIME_KEYS:
        section, _, name = key.partition(".")
        config = with_value(config, key, getattr(getattr(Config(), section), name))
    for key in RUNTIME_WORDS:
        section, _, name = key.partition(".")
        config = with_word(config, key, getattr(getattr(Config(), section), name).value)
    return f"{config.fingerprint} {code_id()}"


def is_confirmed(rows: Iterable[Evidence], *, account: str, subject: str) -> bool:
    """True where a person typed this account's id for exactly this."""
    return any(
        (e.kind, e.subject, e.account, e.passed) == (Kind.CONFIRMED, subject, account, True) for e in rows
    )


def refuse_profiles(config: Config, account: str) -> None:
    """Raise RefusedError where a strategy may only run on a paper account and this is none, in every mode."""
    if is_paper_account(account):
        return
    names = [name for name, s in config.strategies.items() if s.enabled and s.profile is Profile.FUTURES]
    if names:
        raise RefusedError(
            f"account {account} is not a paper account, and {', '.join(names)} may only run on one "
            "(strategies.<name>.profile = 'futures'): disable it, or log in to a paper account. Nothing was "
            "sent."
        )


def _remembered(loaded: Loaded) -> bool:
    """True where the id of the account that is meant was typed for exactly this, in an earlier start."""
    wanted, subject = loaded.config.connection.account, subject_of(loaded.config)
    return any(
        is_confirmed(evidence_in(path), account=account, subject=subject)
        for path in loaded.state_dir.glob(f"tws-{wanted or '*'}/{DATABASE}")
        if not is_paper_account(account := path.parent.name.removeprefix("tws-"))
    )
