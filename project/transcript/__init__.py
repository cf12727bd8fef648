"""Transcripts: long recordings cut into windows, recognized, put together again and written down."""
