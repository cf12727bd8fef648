"""Conditioners: from a medium to frames, one function for training, evaluation and transcription."""
