"""A recorded session decided once more, and held against what was decided then."""
