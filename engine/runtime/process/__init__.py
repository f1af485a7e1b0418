"""Process: the engine as a process: lock, thread, signals, log, sockets, links, the gateway beside it."""
