"""From glosses to a body that signs them: the lexicon, who signs, how a body moves, and what a camera sees of it."""
