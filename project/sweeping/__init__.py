"""Sweeps and searches: which points there are, which of them are left to do, and what they came to."""
