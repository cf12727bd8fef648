"""Where the points of a sweep run: one file for each place."""
