"""What there is to use and what has been made: choices of conf/, runs and sweeps, as rows that can be shown."""
