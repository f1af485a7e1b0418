"""The ledger: the only truth about positions, orders and P&L. Pure: event in, changes out."""
