"""Callbacks: what watches a training run: recording, checkpoints, guards, progress."""
