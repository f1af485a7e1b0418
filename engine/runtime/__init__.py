"""Runtime: engine thread, boot order, supervision, shut-down, attach socket, lock. No rules."""
