"""Tables as a web page that needs nothing else: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from harness.contracts import Sheet

from . import printed
from .printed import BEST, SECOND, Printed

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2.5rem auto; max-width: 75rem; padding: 0 1rem; }
figure { margin: 0 0 2.5rem; overflow-x: auto; }
table { border-collapse: collapse; border-block: 2px solid; font-variant-numeric: tabular-nums; }
caption { font-weight: 600; padding-bottom: .5rem; text-align: left; }
th, td { padding: .25rem .7rem; text-align: right; white-space: nowrap; }
th:first-child, .text { text-align: left; }
th { font-weight: inherit; }
tbody th { white-space: normal; min-width: 6rem; }
thead th { border-bottom: 1px solid; vertical-align: bottom; white-space: normal; }
tbody tr:hover { background: color-mix(in srgb, currentColor 7%, transparent); }
tr.published { opacity: .65; }
tr.published + tr:not(.published) > * { border-top: 1px solid; }
tr.gain { font-style: italic; }
small, figcaption { opacity: .75; }
figcaption { font-size: .87rem; margin-top: .5rem; max-width: 60rem; }
figcaption p { margin: .15rem 0; }
"""


def html(sheets: Sequence[Sheet], title: str = "Tables") -> str:
    """A page with the tables; all text is escaped."""
    return document(title, fragment(sheets))


def document(title: str, body: str) -> str:
    """A page of that title around HTML that is safe already."""
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    start = ["<!DOCTYPE html>", f'<html lang="en"><head>{head}<style>{STYLE}</style></head><body>']
    return "\n".join([*start, body, "</body></html>"]) + "\n"


def fragment(sheets: Sequence[Sheet]) -> str:
    """The tables alone, for a page that has its own head; STYLE is made for them."""
    return "\n".join(line for sheet in sheets for line in _figure(sheet))


def _figure(sheet: Sheet) -> Iterator[str]:
    yield f"<figure><table><caption>{escape(sheet.title)}</caption>"
    rows = list(printed.rows(sheet))
    headings = "".join(_heading(text, [cells[i] for _, cells in rows]) for i, text in enumerate(sheet.head))
    yield f"<thead><tr>{headings}</tr></thead>"
    yield "<tbody>"
    for mark, (first, *cells) in rows:
        kind = f' class="{escape(mark)}"' if mark else ""
        row = "".join(map(_cell, cells))
        yield f'<tr{kind}><th scope="row">{escape(first.text)}</th>{row}</tr>'
    yield "</tbody></table>"
    if sheet.notes:
        yield f"<figcaption>{''.join(f'<p>{escape(note)}</p>' for note in sheet.notes)}</figcaption>"
    yield "</figure>"


def _heading(text: str, below: Sequence[Printed]) -> str:
    kind = ' class="text"' if not any(cell.number for cell in below) else ""
    return f'<th scope="col"{kind}>{escape(text)}</th>'


def _cell(cell: Printed) -> str:
    said = escape(cell.text)
    said = {BEST: f"<strong>{said}</strong>", SECOND: f"<u>{said}</u>"}.get(cell.place, said)
    interval = f" <small>{escape(cell.interval)}</small>" if cell.interval else ""
    return f"<td>{said}{interval}</td>" if cell.number else f'<td class="text">{said}</td>'
