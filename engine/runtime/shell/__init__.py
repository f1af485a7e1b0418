"""Shell: what stands behind the command line's questions and tools; none of it runs in the engine."""
