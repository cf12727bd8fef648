"""Hypotheses as data: what is claimed, which runs speak to it, and what becomes of it."""
