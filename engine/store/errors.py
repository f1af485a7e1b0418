"""What can go wrong with the store, said to people: what happened, where, and what to do now."""

from __future__ import annotations


class StoreError(Exception):
    """The store cannot do what was asked; the message is a sentence for people."""


class StoreFolderError(StoreError):
    """The folder or the file cannot be made or opened."""


class StoreCorruptError(StoreError):
    """The file is damaged. It is never deleted by itself."""


class StoreTooNewError(StoreError):
    """A newer version of the program wrote this file."""


class StoreBindingError(StoreError):
    """The file belongs to another gateway or account."""


class StoreUnwritableError(StoreError):
    """A write failed (disk full, read-only, I/O error): nothing of it was stored."""


class StoreClosedError(StoreError):
    """The store was closed."""


class DuplicateIntentError(StoreError):
    """This ref exists, or this signal already has a live entry: the database refused a second one."""


class SendingRefusedError(StoreError):
    """An order to be marked as sending is not pending in the store: it must not be sent."""
