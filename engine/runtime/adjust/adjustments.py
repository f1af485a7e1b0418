"""Changes by the operator while it runs: limits moved within their bounds, strategies switched off and on.

What tightens acts at once, whether or not it can be written down. What loosens needs a second yes, is refused
where the world is another than the asker saw, and acts only once it is durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from engine.api import Command, Outcome, ScopeKind
from engine.config import (
    Changed,
    RuntimeRefusal,
    checked_runtime,
    checked_word,
    runtime_value,
    save_override,
    save_switch,
    with_value,
    with_word,
)
from engine.config.regime import RegimeChoice
from engine.domain.reasons import Reason
from engine.runtime.adjust.look_back import LookBack
from engine.runtime.desk import Desk
from engine.runtime.outcomes import done, failed, refused
from engine.runtime.selection.regime import factor_said
from engine.store.journal import AuditEntry

ON, OFF = "on", "off"
REGIME: Final = "regime.override"

Save = Callable[[], None]
"""Writes one change into the file of overrides. Blocks; raises OSError."""


class Adjustments:
    """Carries the changes out, one after the other."""

    def __init__(
        self,
        desk: Desk,
        *,
        audit: Callable[[AuditEntry], Awaitable[bool]],
        overrides: Path,
        loaded: frozenset[str],
        past: LookBack,
    ) -> None:
        """`loaded` names the strategies of this run; what is changed is remembered in `overrides`."""
        self.look_back = past.answer
        self._past = past
        self._desk = desk
        self._audit = audit
        self._path = overrides
        self._loaded = loaded
        self._turn = asyncio.Lock()
        """The file is read and written as a whole: two changes at once would lose one."""

    async def set_value(self, command: Command) -> Outcome:
        """Move a limit. Lower acts at once; higher as the first sentences of this module say."""
        async with self._turn:
            outcome = await self._set_value(command)
        if outcome.code != Reason.CONFIRMATION:
            return outcome
        # Read without the lock: what tightens meanwhile does not wait for a file.
        return replace(outcome, details=await self._past.lines(command.target, command.value))

    async def switch(self, command: Command) -> Outcome:
        """A strategy that is off enters nothing; what it holds it goes on managing to the exit."""
        async with self._turn:
            return await self._switch(command)

    async def say_regime(self, command: Command) -> Outcome:
        """Put the operator's word in the place of the detected regime, or take it back (`auto`)."""
        async with self._turn:
            return await self._say_regime(command)

    # --- values ---------------------------------------------------------------------------------

    async def _set_value(self, command: Command) -> Outcome:
        key = command.target
        if command.value is None:
            return refused(command, Reason.OUT_OF_BOUNDS.value, f"{key}: no value given")
        try:
            new = checked_runtime(key, command.value)
        except RuntimeRefusal as err:
            return refused(command, err.code.value, str(err))
        old = runtime_value(self._desk.config, key)
        words = f"{key}: {old:g} → {new:g}"
        if new == old:
            return done(command, f"{key} is {old:g} already")
        loosens = new > old
        if loosens and command.seen is not None and command.seen != old:
            text = f"{key} was {command.seen:g} when you looked and is {old:g} now; look again"
            return refused(command, Reason.ROW_CHANGED.value, text)
        if loosens and not command.confirmed:
            text = f"{words} lets more risk in: confirm it; nothing was changed"
            return refused(command, Reason.CONFIRMATION.value, text)
        changed = Changed(command.who, self._desk.now(), f"{old:g}")
        save = partial(save_override, self._path, key, new, changed=changed)
        entry = AuditEntry(changed.at, command.who, key, f"{old:g}", f"{new:g}", command.reason)
        return await self._carry_out(
            command, entry, save, act=partial(self._put, key, new, changed), words=words, loosens=loosens
        )

    def _put(self, key: str, value: float, changed: Changed) -> None:
        self._desk.config = with_value(self._desk.config, key, value)
        self._desk.overridden[key] = changed

    # --- strategies -----------------------------------------------------------------------------

    async def _switch(self, command: Command) -> Outcome:
        name, off = command.scope.name, command.target == OFF
        wrong = self._wrong_switch(command)
        if wrong:
            return refused(command, Reason.WRONG_TARGET.value, wrong)
        if off == (name in self._desk.switched_off):
            return done(command, f"{name} is {command.target} already")
        if not off and not command.confirmed:
            text = f"{name}: off → on lets it enter again: confirm it; nothing was changed"
            return refused(command, Reason.CONFIRMATION.value, text)
        changed = Changed(command.who, self._desk.now())
        words = f"{name}: on → off; what it holds it manages to the exit" if off else f"{name}: off → on"
        before, after = (ON, OFF) if off else (OFF, ON)
        return await self._carry_out(
            command,
            AuditEntry(changed.at, command.who, f"strategy {name}", before, after, command.reason),
            partial(save_switch, self._path, name, changed if off else None),
            act=partial(self._put_switch, name, changed if off else None),
            words=words,
            loosens=not off,
        )

    def _wrong_switch(self, command: Command) -> str:
        name = command.scope.name
        if command.scope.kind is not ScopeKind.STRATEGY or command.target not in (ON, OFF):
            return f"switch {command.scope} {command.target!r}: expected a strategy, and on or off"
        if name in self._loaded:
            return ""
        if name in self._desk.config.strategies:
            return f"{name} was not loaded: set strategies.{name}.enabled = true and start again"
        there = ", ".join(sorted(self._loaded)) or "none"
        return f"there is no strategy {name} here, nothing was changed; there are: {there}"

    def _put_switch(self, name: str, off: Changed | None) -> None:
        if off is None:
            self._desk.switched_off.pop(name, None)
        else:
            self._desk.switched_off[name] = off

    # --- the regime -----------------------------------------------------------------------------

    async def _say_regime(self, command: Command) -> Outcome:
        try:
            said = RegimeChoice(checked_word(REGIME, command.target))
        except RuntimeRefusal as err:
            return refused(command, err.code.value, str(err))
        config, detected = self._desk.config, self._desk.selection.regime.detected
        was = config.regime.override
        if said is was:
            return done(command, f"{REGIME} is {said} already")
        before, after = (factor_said(choice, detected, config) for choice in (was, said))
        words = f"{REGIME}: {was} → {said}, factor {before:g} → {after:g}"
        if after > before and not command.confirmed:
            text = f"{words} lets more risk in: confirm it; nothing was changed"
            return refused(command, Reason.CONFIRMATION.value, text)
        changed = Changed(command.who, self._desk.now(), was.value)
        return await self._carry_out(
            command,
            AuditEntry(changed.at, command.who, REGIME, was.value, said.value, command.reason),
            partial(save_override, self._path, REGIME, said.value, changed=changed),
            act=partial(self._put_regime, said, after, changed),
            words=words,
            loosens=after > before,
        )

    def _put_regime(self, said: RegimeChoice, factor: float, changed: Changed) -> None:
        self._desk.config = with_word(self._desk.config, REGIME, said.value)
        self._desk.overridden[REGIME] = changed
        # The watch would say so within a second; a word that tightens does not wait.
        self._desk.inputs.regime_multiplier = factor

    # --- both -----------------------------------------------------------------------------------

    async def _carry_out(
        self,
        command: Command,
        entry: AuditEntry,
        save: Save,
        *,
        act: Callable[[], None],
        words: str,
        loosens: bool,
    ) -> Outcome:
        """In force first where it tightens; audited and in the file first where it loosens."""
        why = f" ({command.reason})" if command.reason else ""
        if not loosens:
            act()
        elif not self._desk.books.is_stored:
            text = f"{words} was not done: the store cannot write, and what loosens must be durable first"
            return failed(command, Reason.STORE_DOWN.value, text)
        try:
            await asyncio.to_thread(save)
        except OSError as err:
            await self._audit(entry._replace(reason=f"{entry.reason} (file not written: {err})".strip()))
            if loosens:
                text = f"{words} was not done: it cannot be saved for the next start: {err}"
            else:
                text = f"{words} acts now, but could not be saved for the next start: {err}"
            return failed(command, Reason.STORE_DOWN.value, text)
        await self._audit(entry)
        if loosens:
            act()
        return done(command, f"{words}{why}")
