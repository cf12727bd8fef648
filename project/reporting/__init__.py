"""What `scansion report` can do with evaluated runs, one file each: compare them, fuse two, ask where one is better."""
