"""Adapters: small parts that are put into a built model and tuned instead of the whole."""
