"""Go/no-go: what has to be proven before real money, judged from recorded evidence. Pure."""
