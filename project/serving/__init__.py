"""A page that hears: a recognizer of sound, its runtime and all that shows what it does, in one HTML file."""
