"""What the corpora of price bars share: reading, labelling, cutting into windows and splits, and making prices up."""
