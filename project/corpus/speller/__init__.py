"""Recorded letters of signed alphabets, put together to words: what the corpora of fingerspelling share."""
