"""Decoders: from an Output to Hypotheses."""
