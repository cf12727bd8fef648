"""What every page stands in: head, style, script and sections; it knows nothing of runs or figures."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from pathlib import Path

Section = tuple[str, str, str]  # anchor, heading, content
STYLES = ("theme.css", "page.css")
SCRIPTS = ("page.js", "signing.js")
POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'unsafe-inline'; "
    "script-src 'sha256-{digest}'; img-src data:; media-src data:"
)
LOGO = (
    '<svg class=logo viewBox="0 0 66 12" aria-hidden="true"><path d="M2 8h12M36 8h12M52 8h12" />'
    '<path d="M20 3q5 10 10 0" /></svg>'
)


def frame(title: str, meta: str, top: str, body: Sequence[Section], reading: str = "") -> str:
    """The page as text. Only its own script can run: a policy names it by its hash."""
    style, script = ("".join(map(read, names)) for names in (STYLES, SCRIPTS))
    digest = digest_of(script)
    links = "".join(f'<a href="#{anchor}">{escape(heading)}</a>' for anchor, heading, _ in body)
    parts = "".join(
        f'<section id="{anchor}" aria-labelledby="{anchor}-title"><h2 id="{anchor}-title">{escape(heading)}</h2>'
        f"{part}</section>\n"
        for anchor, heading, part in body
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY.format(digest=digest)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)} – scansion report</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"<header>{LOGO}<p class=brand>scansion report</p><h1>{escape(title)}</h1>"
        f"<p class=meta>{escape(meta)}</p>"
        "<button id=theme type=button hidden>Light or dark</button></header>\n"
        f"<main>{top}<nav aria-label=Sections>{links}</nav>\n{parts}</main>\n"
        f"<footer>{reading}</footer>\n<script>{script}</script>\n</body>\n</html>\n"
    )


def read(name: str) -> str:
    """A file beside this one."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def digest_of(script: str) -> str:
    """By which a policy names a script that may run.

    >>> digest_of("")
    '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    """
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
