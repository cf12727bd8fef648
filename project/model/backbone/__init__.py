"""Backbones: from a waveform to a row of numbers for each moment of it, by the encoders that others have trained."""
