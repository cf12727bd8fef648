"""Corpora: one file each, the only place that knows a raw material; all that follows sees manifests."""
