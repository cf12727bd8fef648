"""scansion: a research framework for recognizing symbols in signals."""
