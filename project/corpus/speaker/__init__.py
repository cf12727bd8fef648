"""How learners of English speak: words, their mispronunciations, voices, rooms and the people who judge them."""
