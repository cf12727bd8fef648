"""From text to the sound of a Morse station: the code, what is sent, in whose hand, and what the radio makes of it."""
