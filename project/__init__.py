"""scansion: a research framework for recognizing symbols in signals."""

from project import torchaudio_guard

torchaudio_guard.install()
