"""Our Morse recognizer beside other decoders: the recordings, the decoders, and the table of both."""
