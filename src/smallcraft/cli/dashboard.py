"""`smallcraft dashboard`: web pages over all of it, on this machine, until Ctrl-C."""

from __future__ import annotations

import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from smallcraft.cli.next_steps import next_line
from smallcraft.cli.options import Project
from smallcraft.cli.parts import require_extra
from smallcraft.errors import InvalidInputError, NotFoundError

_SHORTEST_TOKEN = 16

TokenFile = Annotated[
    Path | None,
    typer.Option(
        help="A file with the token to sign in with; implies --write. By default a new one is made.",
        show_default=False,
    ),
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        help="A name that these pages go by behind a proxy, such as models.example; may be given several "
        "times.",
        metavar="NAME",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class PagesBeside:
    """The pages of a server.

    Attributes:
        command: Starts them; `{socket}` stands for where they answer.
        token: To sign in with.
    """

    command: tuple[str, ...]
    token: str


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("dashboard")(dashboard)


def dashboard(
    project: Project = Path(),
    *,
    host: Annotated[
        str, typer.Option(help="Address to listen on; on others than loopback reading needs the token too.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 for any.")] = 8090,
    write: Annotated[
        bool, typer.Option("--write", help="Let whoever has the token change something from the pages.")
    ] = False,
    token_file: TokenFile = None,
    allow_host: AllowHost = None,
    state: Annotated[
        Path | None,
        typer.Option(
            help="Folder of what the server keeps, such as its rollouts; by default .smallcraft/serving.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Show releases, rollouts, traffic, drift, data and labelling as web pages, until Ctrl-C.

    The pages are rendered here, load nothing from elsewhere, and follow what happens. They are read-only
    unless --write is given; then the sign-in address that is printed lets its browser change something.
    """
    run_dashboard(
        project,
        host=host,
        port=port,
        write=write or token_file is not None,
        token=None if token_file is None else read_token(token_file),
        hosts=tuple(allow_host or ()),
        state=state,
    )


def run_dashboard(
    project: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    write: bool = False,
    token: str | None = None,
    hosts: tuple[str, ...] = (),
    state: Path | None = None,
) -> None:
    """Show the pages of a project until Ctrl-C; where they are is printed.

    Args:
        project: Its folder, or the file.
        host: Address to listen on.
        port: Port to listen on; 0 for any.
        write: Whether something may be changed with the token.
        token: To sign in with; None for a new one where one is needed.
        hosts: Names that the pages go by, beside those of the loopback.
        state: Folder of the server's state; None for the usual one.

    Raises:
        MissingPartError: The extra `[dashboard]` is not installed.
        NotFoundError: There is no project.
        InvalidInputError: The address cannot be had.
    """
    _require_project(project)
    require_extra("dashboard")
    from smallcraft.addresses import is_loopback
    from smallcraft.dashboard.app import make_app
    from smallcraft.dashboard.running import bind, run_app
    from smallcraft.dashboard.sources import Sources

    is_open = not is_loopback(host)
    if write or is_open:
        token = token or secrets.token_urlsafe(24)
    listener = bind(host, port)
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{listener.getsockname()[1]}"
    app = make_app(project, token=token, state=state, hosts=(host, *hosts), must_sign_in=is_open)
    typer.echo(f"{Sources(project).name()} at {address}/")
    if token is not None:
        typer.echo(f"  sign in  {address}/sign-in?token={token}")
    else:
        typer.echo("  change   nothing can be changed from these pages; start them with --write for that")
    typer.echo("  stop     Ctrl-C")
    typer.echo(next_line("serve", project=project))
    run_app(app, listener)


def pages_beside(project: Path, state: Path, *, must_sign_in: bool) -> PagesBeside:
    """What a server is told so that it shows the pages at /ui, with a new token in its state folder.

    Args:
        project: The folder of the project, or the file.
        state: Folder of the server's state.
        must_sign_in: Whether reading needs the token too.

    Raises:
        MissingPartError: The extra `[dashboard]` is not installed.
    """
    require_extra("dashboard")
    token, path = secrets.token_urlsafe(24), state / "pages-token"
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(token)
    command = (
        *(sys.executable, "-P", "-m", "smallcraft.dashboard", str(project.absolute())),
        *("--socket", "{socket}", "--state", str(state), "--token-file", str(path), "--root", "/ui"),
        *(("--must-sign-in",) if must_sign_in else ()),
    )
    return PagesBeside(command, token)


def read_token(path: Path) -> str:
    """The token that a file holds.

    Raises:
        InvalidInputError: The file cannot be read, or holds none.
    """
    try:
        token = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} must be a text file with a token ({error})") from error
    if len(token) < _SHORTEST_TOKEN:
        raise InvalidInputError(
            f"{path} must hold a token of {_SHORTEST_TOKEN} characters or more, got {len(token)}; make one "
            "with `openssl rand -hex 24`"
        )
    return token


def _require_project(project: Path) -> None:
    path = project if project.suffix == ".toml" else project / "smallcraft.toml"
    if not path.is_file():
        raise NotFoundError(
            f"there is no project at {path}; `smallcraft init DATA` makes one, `smallcraft demo` shows one"
        )
