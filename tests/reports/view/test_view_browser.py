"""The page in a browser: what it shows, that it is quick, and that nothing in the data runs."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from rich.console import Console

from harness.records import Record, Score
from harness.store import read_records

pytestmark = pytest.mark.browser

Command = Callable[..., Any]
Make = Callable[..., Record]
Write = Callable[..., Path]


TOUCH = """
    for (const node of document.querySelectorAll("main button.mention, main li, main tr, .shot")) {
      for (const kind of ["mouseenter", "focus", "click"]) node.dispatchEvent(new MouseEvent(kind, { bubbles: true }));
    }"""
BOXES = """
    [...document.querySelectorAll(".shot")].map((shot) => [...shot.querySelectorAll(".box")].map((box) => {
      const of = (name) => Number(box.querySelector("rect").getAttribute(name));
      return [box.getAttribute("class"), of("x"), of("y"), of("width"), of("height")];
    }))"""


def put(browser: Any, selector: str, value: str, event: str) -> None:
    """Give a field a value, as a hand would."""
    field = f"document.querySelector({json.dumps(selector)})"
    browser.js(f"{field}.value = {json.dumps(value)}; {field}.dispatchEvent(new Event('{event}'))")


def opened(browser: Any, page: Path, task: str = "", sample: str = "") -> None:
    link = f"#{quote(task, safe='')}/{quote(sample, safe='')}" if task else ""
    browser.open((page / "index.html").resolve().as_uri() + link)


def faults(browser: Any) -> list[Any]:
    """What the page threw, and what its policy had to stop."""
    told = [each["entry"] for each in browser.events("Log.entryAdded")]
    return [*browser.events("Runtime.exceptionThrown"), *(each for each in told if each["source"] == "security")]


@pytest.mark.parametrize("single", [[], ["--single"]])
def test_nothing_in_the_data_runs(
    browser: Any, harness: Command, hostile: Path, tmp_path: Path, single: list[str]
) -> None:
    evil = first(hostile)
    harness("view", hostile, hostile, "--out", tmp_path / "page", *single)
    opened(browser, tmp_path / "page", "demo", evil)
    browser.js("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    browser.js(TOUCH)
    browser.js("document.querySelectorAll('dialog').forEach((each) => each.close()); help()")
    browser.js("document.querySelectorAll('dialog').forEach((each) => each.close()); step(1); step(-1)")
    browser.wait("document.querySelector('h2')")
    shown = browser.js("document.body.textContent")
    assert browser.js("document.title").startswith("Evidence: ") and shown.count(evil) > 20
    assert browser.js("document.querySelector('h2').textContent") == evil
    assert browser.js("document.querySelectorAll('img, script[src], iframe, [onerror], [onload]').length") == 0
    assert browser.js("document.querySelectorAll('[href]:not([href^=\"#\"]), [style*=url]').length") == 0
    assert not faults(browser) and not browser.events("Page.javascriptDialogOpening")
    asked = {each["request"]["url"].partition(":")[0] for each in browser.events("Network.requestWillBeSent")}
    assert asked <= {"file", "about", "data"}


def first(run: Path) -> str:
    """The id of its first sample."""
    return next(iter(read_records(run))).sample.id


@pytest.fixture(scope="module")
def large(record: Make, write_run: Write, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of 3,000 questions, of which every tenth is wrong."""
    build = importlib.import_module("harness.reports.view.build")
    plain = record(predictions=(), responses=())
    records = [
        replace(plain, sample=replace(plain.sample, id=f"v/{n}:1", question=f"What is number {n}?",
                                      groups={"domain": "Sports" if n % 3 else "News"}),
                score=Score(values={"acc": float(n % 10 > 0)}))
        for n in range(3000)
    ]  # fmt: skip
    run = write_run(tmp_path_factory.mktemp("large") / "run", records)
    build.view(build.Asked(runs=(run,), out=run / "view", frames=False), Console(quiet=True))
    return run / "view"


def test_three_thousand_questions_open_and_few_of_them_are_drawn(browser: Any, large: Path) -> None:
    opened(browser, large)
    assert browser.js("document.querySelector('#count').textContent").startswith("3,000 questions")
    assert 3 < browser.js("document.querySelectorAll('.row').length") < 60
    asked = [each["request"]["url"].rpartition("/")[2] for each in browser.events("Network.requestWillBeSent")]
    assert {name for name in asked if name.endswith(".js")} == {"index.js", "0-0.js"}
    assert not faults(browser)


def test_a_link_opens_its_question(browser: Any, large: Path) -> None:
    opened(browser, large, "demo", "v/2718:1")
    assert browser.js("document.querySelector('h2').textContent") == "What is number 2718?"
    assert browser.js("document.querySelector('.row[aria-selected=true] .ask').textContent") == "What is number 2718?"
    browser.js("window.location.hash = '#demo/v/99:1'")
    browser.wait("document.querySelector('h2')?.textContent === 'What is number 99?'")
    opened(browser, large, "demo", "none")
    assert "There is no question none of demo" in browser.js("document.querySelector('main').textContent")


def test_filters_search_order_and_keys(browser: Any, large: Path) -> None:
    opened(browser, large)
    count = "document.querySelector('#count').textContent"
    browser.js("document.querySelector('.chip.wrong').click()")
    assert browser.js(count) == "300 of 3,000 questions · mean score 0.000"
    (news,) = browser.js(
        "[...document.querySelectorAll('option')].filter((o) => /^News/.test(o.text)).map((o) => o.value)"
    )
    put(browser, "#selects label:nth-of-type(3) select", news, "change")
    assert browser.js(count).startswith("100 of 3,000")
    browser.js("clearFilters()")
    put(browser, "#search", "number 271", "input")
    assert browser.js(count).startswith("13 of 3,000")
    browser.js("clearFilters()")
    put(browser, "#sort", "worst", "change")
    assert browser.js("list.shown.slice(0, 3)") == [0, 10, 20]
    for key, number in (("j", 10), ("j", 20), ("ArrowDown", 30), ("k", 20)):
        browser("Input.dispatchKeyEvent", type="keyDown", key=key)
        assert browser.js("list.current") == number
    browser("Input.dispatchKeyEvent", type="keyDown", key="/")
    assert browser.js("document.activeElement.id") == "search"


def test_boxes_are_drawn_in_pixels_of_the_video(
    browser: Any, harness: Command, record: Make, write_run: Write, video: Path, tmp_path: Path
) -> None:
    run = write_run(tmp_path / "run", [record("q", str(video))])
    harness("view", run)
    opened(browser, run / "view", "demo", "q")
    browser.wait("[...document.querySelectorAll('.shot img')].filter((image) => image.naturalWidth > 0).length === 3")
    assert browser.js(BOXES) == [[], [["box ref", 10, 20, 20, 20], ["box run-0 cited", 10, 20, 20, 20]], []]
    assert browser.js("document.querySelector('.overlay').getAttribute('viewBox')") == "0 0 64 48"
    browser.js("document.querySelector('.mention').dispatchEvent(new MouseEvent('mouseenter'))")
    assert browser.js("document.querySelector('.shot.hot .caption').textContent") == "1 s"
    assert not faults(browser)
