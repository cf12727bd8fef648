"""What can be said of an installation and its machine, each with what to do about it; run by `scansion doctor`."""
