"""Where bars come from: files and the broker's history, adjusted for splits and dividends."""
