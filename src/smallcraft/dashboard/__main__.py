"""The pages behind `smallcraft serve --ui`: `python -m smallcraft.dashboard PROJECT --socket PATH ...`.

Not for people, who run `smallcraft dashboard`; its server starts it, and it ends with that.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from smallcraft.dashboard.app import make_app
from smallcraft.dashboard.running import bind_privately, end_with_parent, run_app


def main() -> None:
    """Answer until the server behind it ends."""
    parser = argparse.ArgumentParser(prog="python -m smallcraft.dashboard")
    parser.add_argument("project", type=Path)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--token-file", type=Path)
    parser.add_argument("--must-sign-in", action="store_true")
    parser.add_argument("--root", default="")
    asked = parser.parse_args()
    end_with_parent()
    token = asked.token_file.read_text("utf-8").strip() if asked.token_file else None
    app = make_app(asked.project, token=token, state=asked.state, must_sign_in=asked.must_sign_in, polls=True)
    run_app(app, bind_privately(asked.socket), root=asked.root)


if __name__ == "__main__":
    main()
