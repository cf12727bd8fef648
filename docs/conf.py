"""How the documentation is built: Sphinx with MyST, warnings are errors."""

project = "scansion"
copyright = "the scansion developers"
extensions = ["myst_parser"]
html_theme = "furo"
exclude_patterns = ["_build"]
myst_heading_anchors = 3
