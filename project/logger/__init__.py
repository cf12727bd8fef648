"""Loggers: where a run's numbers go."""
