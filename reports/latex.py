r"""Tables in LaTeX, for papers: booktabs, best in bold, second underlined; a float for each table, to be \input."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from harness.contracts import PUBLISHED, Sheet

from . import printed
from .printed import BEST, SECOND, Printed

SPECIAL = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    '"': "{''}",
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "†": r"\textdagger{}",
    "‡": r"\textdaggerdbl{}",
    "Δ": r"$\Delta$",
    "→": r"$\rightarrow$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
}
"""Brackets and stars would be read as arguments of the end of a row."""
MINUS = re.compile(r"-(?=\d)")
PREAMBLE = r"% needs \usepackage{booktabs}"


def latex(sheets: Sequence[Sheet]) -> str:
    """A table environment for each of the tables."""
    return "\n".join([PREAMBLE, *(line for sheet in sheets for line in _table(sheet))]) + "\n"


def escape(text: str) -> str:
    r"""Text as LaTeX prints it: on one line, without what is no text.

    >>> print(escape("a_b & 50% <x>\n"))
    a\_b \& 50\% \textless{}x\textgreater{}
    """
    plain = "".join(each for each in " ".join(text.split()) if each.isprintable())
    return "".join(SPECIAL.get(each, each) for each in plain).replace("--", "-{}-")


def label(title: str) -> str:
    """A name for references, made of a title.

    >>> label("General video understanding, per cent")
    'tab:general-video-understanding-per-cent'
    """
    return "tab:" + "-".join(re.findall(r"[a-z0-9]+", title.lower()))


def _table(sheet: Sheet) -> Iterator[str]:
    yield from (
        "",
        r"\begin{table}[t]",
        r"  \centering",
        f"  \\caption{{{escape(sheet.title)}}}",
        f"  \\label{{{label(sheet.title)}}}",
        f"  \\begin{{tabular}}{{l{'r' * (len(sheet.head) - 1)}}}",
        r"    \toprule",
        _row(map(escape, sheet.head)),
        r"    \midrule",
    )
    before = None
    for number, (mark, cells) in enumerate(printed.rows(sheet)):
        if number and (mark == PUBLISHED) != (before == PUBLISHED):
            yield r"    \midrule"
        before = mark
        yield _row(map(_cell, cells))
    yield from (r"    \bottomrule", r"  \end{tabular}")
    if sheet.notes:
        yield r"  \par\smallskip\footnotesize"
        yield " \\\\\n".join(f"  {escape(note)}" for note in sheet.notes)
    yield r"\end{table}"


def _row(cells: Iterator[str]) -> str:
    return f"    {' & '.join(cells)} \\\\"


def _cell(cell: Printed) -> str:
    text = MINUS.sub("$-$", cell.text) if cell.number else escape(cell.text)
    text = {BEST: f"\\textbf{{{text}}}", SECOND: f"\\underline{{{text}}}"}.get(cell.place, text)
    return f"{text} {{\\scriptsize {MINUS.sub('$-$', cell.interval)}}}" if cell.interval else text
