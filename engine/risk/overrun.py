"""Which caps are exceeded by what is out already: no order of ours may lead there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from engine.domain.reasons import Reason
from engine.risk.exposure import Exposure, group_exposure_usd
from engine.risk.limits import RiskLimits

DRIFT: Final = 0.10
"""Share by which prices may carry what was within a cap beyond it: bought right, it is no breach."""


class Overrun(NamedTuple):
    """One exceeded cap."""

    reason: Reason
    key: str
    """Instrument it is about; empty for the whole account."""
    limit_usd: float
    used_usd: float


def overruns(
    out: Exposure,
    *,
    owned: frozenset[str],
    roots: Mapping[str, str],
    net_liquidation_usd: float,
    limits: RiskLimits,
) -> tuple[Overrun, ...]:
    """Every cap that positions and orders exceed at worst case, beyond what prices explain.

    `out` is what everything comes to, `owned` the keys that are ours (what a person left as foreign counts
    in the sums only), `roots` the futures. What is not a number exceeds nothing here: the gate refuses on it.
    """
    uses = (
        *_of_account(out.total_usd, net_liquidation_usd, limits),
        *(
            use
            for key in sorted(owned & out.by_key.keys())
            for use in _of_symbol(key, out.by_key, roots, net_liquidation_usd, limits)
        ),
    )
    return tuple(use for use in uses if use.used_usd > use.limit_usd * (1.0 + DRIFT))


def _of_account(gross_usd: float, nlv_usd: float, limits: RiskLimits) -> Iterator[Overrun]:
    yield Overrun(Reason.GROSS_EXPOSURE, "", limits.max_gross_exposure_usd, gross_usd)
    # A good regime widens the caps in percent, and may be over when what it let in is still held.
    percent = nlv_usd / 100.0 * max(1.0, limits.regime_cap)
    yield Overrun(Reason.TOTAL_AT_RISK, "", percent * limits.max_total_at_risk_pct, gross_usd)


def _of_symbol(
    key: str,
    by_key: Mapping[str, float],
    roots: Mapping[str, str],
    nlv_usd: float,
    limits: RiskLimits,
) -> Iterator[Overrun]:
    root = roots.get(key)
    if root is None:
        used = by_key[key]
        yield Overrun(Reason.SYMBOL_NOTIONAL, key, limits.symbol_notional_cap_usd, used)
    else:
        used = group_exposure_usd(root, roots, by_key)
        yield Overrun(Reason.SYMBOL_MARGIN, key, limits.symbol_margin_cap_usd, used)
    percent = nlv_usd / 100.0 * max(1.0, limits.regime_cap)
    yield Overrun(Reason.POSITION_SIZE, key, percent * limits.max_position_size_pct, used)
