"""The backtester: the live strategies, gate and ledger on recorded bars, byte for byte repeatable."""
