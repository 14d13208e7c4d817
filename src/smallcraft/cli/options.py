"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Project = Annotated[
    Path, typer.Option("--project", "-p", help="Folder with smallcraft.toml, or the file itself.")
]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object; everything else goes to stderr.")]
Release = Annotated[
    str, typer.Argument(help="A release: helpdesk@3, a bare 3, or latest.", metavar="[RELEASE]")
]
EngineOption = Annotated[
    str | None,
    typer.Option(
        "--engine",
        help="Where work runs: local (processes of this machine), ray, or ray://host:10001.",
        metavar="NAME",
        show_default="local, or what the project says",
    ),
]


def folder_of(project: Path) -> Path:
    """The folder of a project that was named by it, or by its file."""
    return project.parent if project.is_file() else project
