"""The day before it is traded: what is told of it while an engine runs, and what can be told without one."""
