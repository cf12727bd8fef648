"""Losses and weightings: from an Output to named terms, and from terms to one scalar."""
