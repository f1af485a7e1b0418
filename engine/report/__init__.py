"""Pages for people from figures of programs: one look for the report of a backtest and of a trading day."""
