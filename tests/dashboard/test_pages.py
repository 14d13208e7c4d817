"""Every page there is, in a real browser: readable, reachable by keyboard, quiet, the same without scripts.

A new line of `PAGES` is covered as soon as another page links to it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from tests.browser import open_page
from tests.conftest import ROOT, require
from tests.dashboard.showing import TOKEN
from tests.dashboard.structures import structure_of
from tests.serving_projects import PATIENCE_S

from smallcraft.dashboard.pages import PAGES
from smallcraft.dashboard.sources import Sources

GOLDENS = ROOT / "tests" / "golden" / "dashboard"
AXE = [
    ROOT / "node_modules" / "axe-core" / "axe.min.js",
    *([Path(os.environ["SMALLCRAFT_AXE"])] if os.environ.get("SMALLCRAFT_AXE") else []),
]
_AUDIT = """async () => (await axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}))
    .violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`)"""
_FOCUS = "() => (document.activeElement.id || document.activeElement.textContent || '').trim()"


def address_of(page, pages) -> str:
    """Where a page is; one with parts in braces is found by the links of the others."""
    if "{" not in page.path:
        return page.path
    wanted = re.compile(re.sub(r"\{\w+:path\}", ".+", re.sub(r"\{\w+\}", "[^/?#]+", page.path)))
    for other in (other for other in PAGES if "{" not in other.path):
        for link in re.findall(r'href="([^"?#]+)', pages.ask(other.path).text):
            if wanted.fullmatch(link):
                return link
    raise AssertionError(f"no page links to {page.path}")


def why_no_axe() -> str | None:
    if any(path.is_file() for path in AXE):
        return None
    return "axe-core is not installed; `make browser` fetches it where npm is"


@pytest.fixture(params=PAGES, ids=lambda page: page.path.replace("/", "_"))
def page(request):
    return request.param


@pytest.mark.slow
@pytest.mark.parametrize("width", [400, 1600])
def test_no_page_scrolls_sideways_or_complains(page, width, pages, chromium):
    with open_page(chromium, width=width) as opened:
        opened.page.goto(pages.address + address_of(page, pages), wait_until="load")
        assert opened.overflow == 0
        assert opened.complaints == []
        assert [url for url in opened.requests if not url.startswith((pages.address, "data:"))] == []


@pytest.mark.slow
def test_without_scripts_a_page_says_the_same(page, pages, chromium):
    address = pages.address + address_of(page, pages)
    texts = []
    for js in (True, False):
        with open_page(chromium, js=js) as opened:
            opened.page.goto(address, wait_until="load")
            texts.append(opened.page.locator("main").inner_text())
    # What a script adds beside the text, such as help for keys, may be more; no line may be missing.
    assert [line for line in texts[0].splitlines() if line not in texts[1]] == []
    assert re.search(r"[0-9]", texts[1])


@pytest.mark.slow
def test_no_chart_stands_without_its_numbers_in_a_table(page, pages, chromium):
    with open_page(chromium, js=False) as opened:
        opened.page.goto(pages.address + address_of(page, pages), wait_until="load")
        charts, tables = opened.page.locator("svg.chart").count(), opened.page.locator("table").count()
    assert bool(charts) <= bool(tables)


@pytest.mark.slow
def test_what_a_project_is_called_and_answers_is_text_and_nothing_else(page, pages, chromium):
    with open_page(chromium) as opened:
        opened.page.goto(pages.address + address_of(page, pages), wait_until="load")
        scripts = opened.page.locator("script").evaluate_all("all => all.map((one) => one.src)")
        assert [src for src in scripts if not src.startswith(f"{pages.address}/static/")] == []
        assert Sources(pages.project).name() in opened.page.title()


@pytest.mark.slow
@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_that_keeps_people_out(page, is_dark, pages, chromium):
    require(why_no_axe())
    axe = next(path for path in AXE if path.is_file()).read_text("utf-8")
    with open_page(chromium, is_dark=is_dark) as opened:
        opened.page.goto(pages.address + address_of(page, pages), wait_until="load")
        opened.page.evaluate(axe)
        assert opened.page.evaluate(_AUDIT) == []


def test_a_page_is_built_as_it_was(page, pages, update_goldens):
    name = re.sub(r"\W+", "-", page.path).strip("-") or "home"
    golden, found = GOLDENS / f"{name}.txt", structure_of(pages.ask(address_of(page, pages)).text)
    if update_goldens:
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(found, "utf-8")
    assert golden.is_file(), f"{golden} is missing; run `make goldens`"
    assert found == golden.read_text("utf-8")


def test_every_golden_belongs_to_a_page():
    names = {re.sub(r"\W+", "-", page.path).strip("-") or "home" for page in PAGES}
    assert {path.stem for path in GOLDENS.glob("*.txt")} == names


@pytest.mark.slow
def test_signing_in_takes_the_keyboard_alone(pages, chromium):
    with open_page(chromium) as opened:
        opened.page.goto(pages.address + "/rollout", wait_until="load")
        opened.page.keyboard.press("Tab")
        assert opened.page.evaluate(_FOCUS) == "Skip to the page"
        opened.page.goto(pages.address + "/sign-in", wait_until="load")
        opened.page.get_by_label("The token").press_sequentially(TOKEN)
        opened.page.keyboard.press("Enter")
        opened.page.wait_for_url(pages.address + "/", timeout=1000 * PATIENCE_S)
        assert "Signed in" in opened.page.locator("footer").inner_text()
        assert TOKEN not in opened.page.url
