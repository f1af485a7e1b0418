"""Risk: the one gate every order passes, and the brakes. Pure decisions; sends nothing."""
