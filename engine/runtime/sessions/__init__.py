"""Calendars beside the broker's hours: made ahead of time, kept in the store, compared."""
