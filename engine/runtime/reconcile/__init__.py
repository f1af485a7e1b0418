"""Reconcile: when the account is compared with the broker's, and how what differs is settled."""
