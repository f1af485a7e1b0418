"""What strategies that learn are told, how it is kept, and how it is shown."""
