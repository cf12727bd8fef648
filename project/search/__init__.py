"""Searches: which values to try next, from what the points tried so far came to."""
