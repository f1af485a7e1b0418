"""The store: SQLite, one writer, every line of SQL. Holds no logic."""
