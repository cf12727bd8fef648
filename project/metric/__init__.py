"""Metrics: columns of numbers for each example, and figures of many."""
