"""Takes the README's pictures of the report and of the dashboard, from the folder that `make demo` left.

    make pictures            # or: python docs/pictures/take.py demo

Needs Chromium and the Python package playwright. The dashboard is a real one over the real folder, beside a
server of what is stable.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).resolve().parent
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
WIDTH, HEIGHT = 1180, 860
PATIENCE_MS = 120_000
# File, address, and the heading that is brought to the top of the picture; none for the top of the page.
SHOTS = (
    ("dashboard.png", "/", ""),
    ("dashboard-drift.png", "/drift", ""),
    ("dashboard-rollout.png", "/rollout", ""),
)


@contextmanager
def running(*words: str) -> Iterator[str]:
    """A command that serves until the pictures are taken, on a free port; where it answers."""
    command = [sys.executable, "-c", "from smallcraft.cli.main import main; main()", *words, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        said = ""
        while "Ctrl-C" not in said:
            said += server.stdout.readline()
        try:
            yield re.findall(r"http://[\w.:]+", said)[0]
        finally:
            server.send_signal(signal.SIGINT)


def take(page: Page, url: str, name: str, *, heading: str = "") -> None:
    """One picture: the first screen of a page, or the one that begins at a heading."""
    page.goto(url, wait_until="load", timeout=PATIENCE_MS)
    if heading:
        page.get_by_role("heading", name=heading).first.evaluate("one => one.scrollIntoView()")
    page.screenshot(path=HERE / name)
    print(f"wrote {HERE / name}")


def main(project: Path) -> None:
    """All pictures of a finished tour."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    here = ("-p", str(project))
    with sync_playwright() as playwright, running("serve", *here), running("dashboard", *here) as address:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        take(page, (project / "report.html").resolve().as_uri(), "report.png")
        for name, path, heading in SHOTS:
            take(page, address + path, name, heading=heading)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo"))
