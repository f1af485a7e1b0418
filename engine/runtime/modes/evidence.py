"""Writes evidence for the gates, each piece with its origin: what counts is decided by whoever reads it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from engine.gates.evidence import Evidence, Kind
from engine.runtime.desk import Desk
from engine.runtime.modes.code import code_id
from engine.store.evidence import put_evidence
from engine.store.store import Store


@dataclass(frozen=True, slots=True)
class EvidenceBook:
    """The one way into the table of evidence while an engine runs."""

    desk: Desk
    store: Store
    version: str
    config: str
    """`Config.rules_fingerprint` of the configuration that was loaded."""

    async def record(
        self, kind: str, subject: str, *, passed: bool, facts: Mapping[str, object], told: bool = True
    ) -> bool:
        """Write one piece; True when durable, False when kept to be written later.

        The same kind and subject again replaces it. `told` = False leaves it out of the event log: for
        evidence that grows while it is gathered.
        """
        desk = self.desk
        row = Evidence(
            kind=kind,
            subject=subject,
            at=desk.now(),
            passed=passed,
            gateway=desk.gateway,
            account=desk.account,
            mode=desk.mode.value,
            speed=desk.clock.speed,
            version=self.version,
            code=await asyncio.to_thread(code_id),
            config=self.config,
            facts=dict(facts),
        )
        write = partial(put_evidence, row=row, boot_id=self.store.boot_id, told=told)
        return await self.store.run_or_keep(write)

    async def record_drill(self, *, passed: bool, facts: Mapping[str, object]) -> bool:
        """The result of a kill drill: times in `*_ms` and `*_s`, counts, and what was not proven."""
        return await self.record(Kind.DRILL, self.desk.now().isoformat(), passed=passed, facts=facts)
