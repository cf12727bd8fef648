"""Searches: which values to try next, told by what was tried before."""
