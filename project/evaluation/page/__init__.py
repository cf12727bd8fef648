"""The page: one HTML file that tells what was found, its sections, pictures and recordings."""
