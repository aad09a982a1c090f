"""The page itself: templates, and data as text that cannot end the script that it stands in.

Nothing in the page runs but the one script that its Content-Security-Policy names by hash, and files of data beside it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from importlib.resources import files

SCRIPTS = ("base", "list", "timeline", "pictures", "rollouts", "question", "main")

_UNSAFE = {"<": r"\u003c", ">": r"\u003e", "&": r"\u0026", "\u2028": r"\u2028", "\u2029": r"\u2029"}
_RISKY = re.compile("[<>&\u2028\u2029]")
_SLOT = re.compile(r"\{\{(\w+)\}\}")


def escaped(text: str) -> str:
    r"""JSON in which no character can end a script or a line of one.

    >>> escaped('"</script>"')
    '"\\u003c/script\\u003e"'
    """
    return _RISKY.sub(lambda match: _UNSAFE[match[0]], text)


def chunk(name: str, text: str) -> bytes:
    """A file of data that the page loads as a script: JSON in a string, so that no key of it means anything."""
    return f"put({escaped(json.dumps(name))}, {escaped(json.dumps(text, ensure_ascii=False))});\n".encode()


def html(data: Mapping[str, str] | None = None) -> bytes:
    """index.html; with `data`, name -> JSON, all of it is inside, and no other file is asked for."""
    style, script = _read("view.css"), "\n".join(_read(f"{name}.js") for name in SCRIPTS)
    blocks = (
        f'<script type="application/json" data-name="{name}">{escaped(text)}</script>'
        for name, text in (data or {}).items()
    )
    slots = {"policy": _policy(style, script, data is not None), "style": style, "script": script}
    slots["data"] = "\n".join(blocks)
    return _SLOT.sub(lambda match: slots[match[1]], _read("page.html")).encode()


def picture(content: bytes) -> str:
    """A picture as a URL that holds it."""
    return f"data:image/webp;base64,{base64.b64encode(content).decode()}"


def _policy(style: str, script: str, single: bool) -> str:
    scripts, images = ("", "data:") if single else (" 'self' file:", "'self' file:")
    rules = {
        "default-src": "'none'",
        "script-src": f"'{_hash(script)}'{scripts}",
        "style-src": f"'{_hash(style)}'",
        "img-src": images,
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "chunk",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _read(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")
