"""One job for every backtester: the same bars, rule, costs and size, each in a process of its own."""
