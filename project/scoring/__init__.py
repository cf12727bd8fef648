"""Scores a run: every example of a manifest once, under a Protocol, and what was seen on the way, as Reports."""
