"""Market data inside the engine: quotes, bars, books, how old they are."""
