"""Benchmarks of `scansion bench`, one file each: ratios side by side in one run."""
