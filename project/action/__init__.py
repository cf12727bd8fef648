"""Actions of `scansion prepare`, one file each."""
