"""Diagnosis: what goes wrong in training and evaluation without an error, told by the numbers that were recorded."""
