"""Many runs over a grid of settings and stretches of time: planned, spread over processes, kept, compared."""
