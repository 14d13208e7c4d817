"""Takes the README's pictures of the report and of the dashboard, from the folder that `make demo` left.

    make pictures            # or: python docs/pictures/take.py demo

Needs Chromium and the Python package playwright. The dashboard is a real one over the real folder.
"""

from __future__ import annotations

import shutil
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from playwright.sync_api import Page, sync_playwright

from smallcraft.dashboard.app import make_app

HERE = Path(__file__).resolve().parent
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
WIDTH, HEIGHT = 1180, 860
# File, address, and the heading that is brought to the top of the picture; none for the top of the page.
SHOTS = (
    ("dashboard.png", "/", ""),
    ("dashboard-drift.png", "/drift", ""),
    ("dashboard-rollout.png", "/rollout", ""),
)


@contextmanager
def served(project: Path) -> Iterator[str]:
    """The dashboard of a project, on a free port of the loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(make_app(project), port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def take(page: Page, url: str, name: str, *, heading: str = "") -> None:
    """One picture: the first screen of a page, or the one that begins at a heading."""
    page.goto(url, wait_until="load")
    if heading:
        page.get_by_role("heading", name=heading).first.evaluate("one => one.scrollIntoView()")
    page.screenshot(path=HERE / name)
    print(f"wrote {HERE / name}")


def main(project: Path) -> None:
    """All pictures of a finished tour."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright, served(project) as address:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        take(page, (project / "report.html").resolve().as_uri(), "report.png")
        for name, path, heading in SHOTS:
            take(page, address + path, name, heading=heading)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo"))
