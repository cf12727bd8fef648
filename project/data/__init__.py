"""Manifests and batches: from JSON lines to padded tensors."""
