"""A real browser for the tests of pages: Debian's Chromium, driven by Playwright.

Always: nothing but loopback and files is reached; whatever a page complains about, asks for or fails to
load is noted, so that a test can say there was none.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.conftest import require

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path("/usr/bin/chromium")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass(frozen=True)
class OpenPage:
    """A page of a browser, and what happened on it.

    Attributes:
        page: Playwright's own.
        complaints: Errors and warnings of the console, scripts that broke, requests that failed.
        requests: Every address that was asked for, the page's own first.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @property
    def overflow(self) -> int:
        """How many pixels the page is wider than its window; 0 where nothing scrolls sideways."""
        return int(self.page.evaluate(_OVERFLOW))


def why_no_browser() -> str | None:
    """What is missing for a browser test; None where nothing is."""
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed; pip install playwright"
    if not CHROMIUM.exists():
        return f"{CHROMIUM} is not there; apt-get install chromium"
    return None


@contextmanager
def browser() -> Iterator[Browser]:
    """A running browser; a test that needs it skips where there is none, and fails on a build machine."""
    require(why_no_browser())
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=str(CHROMIUM), args=list(_FLAGS))
        try:
            yield running
        finally:
            running.close()


@contextmanager
def open_page(
    running: Browser, *, width: int = 1280, height: int = 900, js: bool = True, is_dark: bool = False
) -> Iterator[OpenPage]:
    """A fresh page without cookies or cache; go to an address with `opened.page.goto`.

    Args:
        running: From `browser`.
        width: Of the window, in CSS pixels.
        height: Of the window.
        js: Whether scripts run.
        is_dark: Whether the reader prefers the dark.
    """
    settings: dict[str, Any] = {
        "viewport": {"width": width, "height": height},
        "java_script_enabled": js,
        "color_scheme": "dark" if is_dark else "light",
    }
    context = running.new_context(**settings)
    try:
        opened = OpenPage(context.new_page())
        _listen(opened)
        yield opened
    finally:
        context.close()


def _listen(opened: OpenPage) -> None:
    page, complaints = opened.page, opened.complaints
    page.on("request", lambda request: opened.requests.append(request.url))
    page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
    page.on("pageerror", lambda error: complaints.append(f"broke: {error}"))
    page.on(
        "console",
        lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None,
    )
