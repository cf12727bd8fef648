"""Encoders: from a Batch to an Output."""
