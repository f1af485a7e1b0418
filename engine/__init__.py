"""The trading engine: everything between the broker's wire and the front end's contract."""
