"""Which caps are exceeded by what is out already: no order of ours may lead there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from engine.domain.reasons import Reason
from engine.risk.exposure import gross_exposure_usd, group_exposure_usd
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
    worst: Mapping[str, int],
    *,
    owned: frozenset[str],
    unit_usd: Mapping[str, float],
    roots: Mapping[str, str],
    net_liquidation_usd: float,
    limits: RiskLimits,
) -> tuple[Overrun, ...]:
    """Every cap that positions and orders exceed at worst case, beyond what prices explain.

    `worst` has the largest absolute quantity per instrument, `owned` those that are ours (what a person
    left as foreign counts in the sums only), `roots` the futures. What is not a number exceeds nothing
    here: the gate refuses on it.
    """
    uses = (
        *_of_account(worst, unit_usd, net_liquidation_usd, limits),
        *(
            use
            for key in sorted(owned & worst.keys())
            for use in _of_symbol(key, worst, unit_usd, roots, net_liquidation_usd, limits)
        ),
    )
    return tuple(use for use in uses if use.used_usd > use.limit_usd * (1.0 + DRIFT))


def _of_account(
    worst: Mapping[str, int], unit_usd: Mapping[str, float], nlv_usd: float, limits: RiskLimits
) -> Iterator[Overrun]:
    gross = gross_exposure_usd(worst, unit_usd)
    yield Overrun(Reason.GROSS_EXPOSURE, "", limits.max_gross_exposure_usd, gross)
    # A good regime widens the caps in percent, and may be over when what it let in is still held.
    percent = nlv_usd / 100.0 * max(1.0, limits.regime_cap)
    yield Overrun(Reason.TOTAL_AT_RISK, "", percent * limits.max_total_at_risk_pct, gross)


def _of_symbol(
    key: str,
    worst: Mapping[str, int],
    unit_usd: Mapping[str, float],
    roots: Mapping[str, str],
    nlv_usd: float,
    limits: RiskLimits,
) -> Iterator[Overrun]:
    root = roots.get(key)
    if root is None:
        used = worst[key] * unit_usd[key]
        yield Overrun(Reason.SYMBOL_NOTIONAL, key, limits.symbol_notional_cap_usd, used)
    else:
        used = group_exposure_usd(root, roots, worst, unit_usd)
        yield Overrun(Reason.SYMBOL_MARGIN, key, limits.symbol_margin_cap_usd, used)
    percent = nlv_usd / 100.0 * max(1.0, limits.regime_cap)
    yield Overrun(Reason.POSITION_SIZE, key, percent * limits.max_position_size_pct, used)
