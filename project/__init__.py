"""scansion: a research framework for recognizing symbols in signals."""

import os

# Before numpy is imported: small matrices on several threads are slower than on one, many times so where loader
# processes share the cores with training. torch's own threads are set by the configuration.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from project import torchaudio_guard

torchaudio_guard.install()
