"""Tables read back from LaTeX, HTML, CSV and Markdown are the tables that were written, whatever their names are."""

from __future__ import annotations

import csv
import io
import random
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from harness.contracts import GAIN, PARTIAL, PUBLISHED, Cell, Sheet
from harness.reports import html, latex, printed, sheets

HOSTILE = (
    "a_b & 50% <script>alert(1)</script>",
    "[1cm] \\input{/etc/passwd} ~^ `--x--` \"q\" 'q'",
    "*=1+1|$x$#{}\n\\end{table}",
)
SHEET = Sheet(
    title="T_1 & <b>100%</b> of $x",
    head=("run", "x|y", "Δ [t]", "frames"),
    rows=(
        ("GPT", 0.7, None, ""),
        (HOSTILE[0], 0.5, Cell(value=0.31, low=0.2, high=0.4), "uniform:16"),
        (HOSTILE[1], 1 / 3, Cell(value=0.312, low=0.21, high=0.4), "a & b"),
        (HOSTILE[2], 0.5, None, "=2+2"),
        ("Δ x", -0.012, Cell(value=-0.001, low=-0.2, high=0.1), ""),
    ),
    notes=("[note] 5 % of </p> & \\", "* †"),
    ranked=("x|y", "Δ [t]"),
    marks={0: PUBLISHED, 3: PARTIAL, 4: GAIN},
)


def plain(text: str) -> str:
    """A text without needless space, as all formats print it."""
    return " ".join(text.split())


EXPECTED = [
    ["GPT †", "70.0", "-", ""],
    [plain(HOSTILE[0]), "50.0", "31.0 [20.0, 40.0]", "uniform:16"],
    [plain(HOSTILE[1]), "33.3", "31.2 [21.0, 40.0]", "a & b"],
    [plain(HOSTILE[2]) + " ‡", "50.0", "-", "=2+2"],
    ["Δ x", "-1.2", "-0.1 [-20.0, +10.0]", ""],
]


class Reader(HTMLParser):
    """The cells of the tables of a page, row by row, and every tag that is met."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[tuple[str, str | None]] = []
        self.strong: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs).get("class")))
        self.inside = tag
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1] and self.inside in ("td", "th", "strong", "u", "small"):
            self.rows[-1][-1] += data
        if self.inside == "strong" and data.strip():
            self.strong.append(data)

    def handle_endtag(self, tag: str) -> None:
        self.inside = "td" if tag in ("strong", "u", "small") else ""


def test_html_reads_back() -> None:
    page = html.html([SHEET], "<title>")
    reader = Reader()
    reader.feed(page)
    assert [[plain(cell) for cell in row] for row in reader.rows] == [list(SHEET.head), *EXPECTED]
    assert {tag for tag, _ in reader.tags} <= {
        *("html", "head", "meta", "title", "style", "body", "figure", "table", "caption", "thead", "tbody"),
        *("tr", "th", "td", "strong", "u", "small", "figcaption", "p"),
    }
    assert [kind for tag, kind in reader.tags if tag == "tr"] == [None, PUBLISHED, None, None, PARTIAL, GAIN]
    assert reader.strong == ["50.0", "31.2", "50.0"]


WORDS = {
    "textbackslash": "\\",
    "textasciitilde": "~",
    "textasciicircum": "^",
    "textless": "<",
    "textgreater": ">",
    "textbar": "|",
    "textasciigrave": "`",
    "textdagger": "†",
    "textdaggerdbl": "‡",
}


def read_latex(text: str) -> str:
    """What LaTeX would print of a cell."""
    text = re.sub(r"\\(?:textbf|underline)\{([^{}]*)\}|\{\\scriptsize ([^{}]*)\}", r"\1\2", text)
    text = text.replace("{''}", '"').replace("$\\Delta$", "Δ").replace("$-$", "-").replace("-{}-", "--")
    text = re.sub(r"\\([a-z]+)\{\}", lambda found: f"\0{ord(WORDS[found[1]])}\0", text)
    text = re.sub(r"\\([&%$#_{}])", lambda found: f"\0{ord(found[1])}\0", text)
    text = re.sub(r"\{([\[\]*])\}", r"\1", text)
    assert not set(text) & set("\\&%$#_{}~^<>|`"), text
    return plain(re.sub("\0(\\d+)\0", lambda found: chr(int(found[1])), text))


def test_latex_reads_back() -> None:
    text = latex.latex([SHEET, SHEET])
    one, other = (part.split("\\end{table}")[0] for part in text.split("\\begin{table}[t]")[1:])
    assert one == other
    assert read_latex(re.findall(r"\\caption\{(.*)\}\n", one)[0]) == SHEET.title
    assert "\\begin{tabular}{lrrr}" in one
    head, *rows = re.findall(r"^    (.*) \\\\$", one, re.MULTILINE)
    cells = [[read_latex(cell) for cell in re.split(r"(?<!\\)&", row)] for row in (head, *rows)]
    assert cells == [list(SHEET.head), *EXPECTED]
    rules = re.findall(r"\\(\w+rule)|^    (GPT)", one, re.MULTILINE)
    assert [a or b for a, b in rules] == ["toprule", "midrule", "GPT", "midrule", "bottomrule"]
    assert re.findall(r"\\textbf\{(.*?)\}", one) == ["50.0", "31.2", "50.0"]
    assert re.findall(r"\\underline\{(.*?)\}", one) == ["31.0", "33.3"]


@pytest.mark.skipif(not (shutil.which("pdflatex") or shutil.which("tectonic")), reason="no LaTeX on PATH")
def test_latex_compiles(tmp_path: Path) -> None:
    start = "\\documentclass{article}\n\\usepackage{booktabs}\n\\begin{document}\n"
    (tmp_path / "t.tex").write_text(f"{start}{latex.latex([SHEET])}\\end{{document}}\n", encoding="utf-8")
    quiet = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-draftmode", "-no-shell-escape", "t.tex"]
    command = quiet if shutil.which("pdflatex") else ["tectonic", "--untrusted", "t.tex"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert made.returncode == 0, made.stdout[-1500:]


def test_csv_reads_back_in_full() -> None:
    head, *rows = csv.reader(io.StringIO(sheets.comma(SHEET)))
    figures = [f"Δ [t]{part} (fraction)" for part in ("", " low", " high")]
    assert head == ["run", "x|y (fraction)", *figures, "frames", "mark"]
    for number, (row, found) in enumerate(zip(SHEET.rows, rows, strict=True)):
        told, cell = dict(zip(head, found, strict=True)), row[2]
        assert float(told["x|y (fraction)"]) == row[1]
        ends = (cell.value, cell.low, cell.high) if isinstance(cell, Cell) else (None,) * 3
        assert tuple(float(told[name]) if told[name] else None for name in figures) == ends
        assert told["run"].removeprefix("'") == row[0] and told["mark"] == SHEET.marks.get(number, "")
        assert told["frames"].removeprefix("'") == row[3] and not told["frames"].startswith("=")


def test_markdown_reads_back() -> None:
    head, _, *rows = [line for line in sheets.markdown([SHEET]).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in (head, *rows)]
    bare = [[re.sub(r"\*\*([\d.]+)\*\*|<u>([\d.]+)</u>", r"\1\2", cell) for cell in row] for row in cells]
    read = [[cell.replace("\\|", "|").replace("&lt;", "<") for cell in row] for row in bare]
    assert read == [list(SHEET.head), *EXPECTED]
    assert cells[2][1:3] == ["**50.0**", "<u>31.0</u> [20.0, 40.0]"]


def test_best_and_second_by_brute_force() -> None:
    rng = random.Random(0)
    kinds = (None, None, None, PARTIAL, PUBLISHED, GAIN)
    for _ in range(200):
        values = [rng.choice((None, rng.randrange(6) / 10 + rng.choice((0, 0.0004, -0.0004)))) for _ in range(6)]
        marks = {number: kind for number in range(6) if (kind := rng.choice(kinds))}
        rows = tuple((f"r{number}", value, 0.5) for number, value in enumerate(values))
        found = printed.ranks(Sheet(title="", head=("run", "x", "n"), rows=rows, ranked=("x",), marks=marks))
        ours = {n: f"{100 * v:.1f}" for n, v in enumerate(values) if v is not None and marks.get(n) in (None, PARTIAL)}
        for number in range(6):
            above = {float(text) for text in ours.values() if number in ours and float(text) > float(ours[number])}
            place = len(above) + 1 if number in ours and len(ours) > 1 and len(above) < 2 else 0
            assert found.get((number, 1), 0) == place
        assert all(column == 1 for _, column in found)
