"""Recovery: what the broker says against what we know. Unknown stays unknown; nothing is guessed."""
