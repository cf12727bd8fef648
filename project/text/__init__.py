"""Text and symbols: how a reference is written, and how symbols become ids and text again."""
