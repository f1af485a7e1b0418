"""What an operator does with positions and the record by hand, besides braking and flattening."""
