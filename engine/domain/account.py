"""Tells paper accounts from real ones by their numbers."""

from __future__ import annotations


def is_paper_account(account: str) -> bool:
    """True for the account numbers of paper trading (DU, and DF of an advisor's)."""
    return account.startswith(("DU", "DF"))
