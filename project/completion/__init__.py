"""What the shell may put behind the cursor: verbs, keys, choices, runs and files. It knows neither Hydra nor torch."""
