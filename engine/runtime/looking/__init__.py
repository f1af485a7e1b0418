"""What screens look at: who looks where, which lines that takes, and the market they are shown."""
