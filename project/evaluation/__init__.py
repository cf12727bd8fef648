"""Evaluation: the Protocol, the Report made under it, intervals and the page."""
