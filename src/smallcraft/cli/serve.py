"""`smallcraft serve`: releases over HTTP, from the registry, verified before they load."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smallcraft.cli.options import Project
from smallcraft.errors import InvalidInputError, MissingPartError

if TYPE_CHECKING:
    from smallcraft.serve.processes.settings import ServeSettings
    from smallcraft.serve.processes.whereabouts import Whereabouts

Releases = Annotated[
    list[str] | None,
    typer.Argument(
        help="Releases, one of each model: helpdesk@stable, helpdesk@3; by default the project's stable one, "
        "or its newest where none is called stable.",
        metavar="RELEASE",
        show_default=False,
    ),
]
Head = Annotated[
    list[str] | None,
    typer.Option(
        help="A task on the first release's encoder, asked by its name; may be given several times.",
        metavar="NAME=RELEASE",
        show_default=False,
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        help="A file of tokens, one a line; clients must send one as `Authorization: Bearer TOKEN`.",
        show_default=False,
    ),
]
Traces = Annotated[
    str | None,
    typer.Option(
        help="Send OpenTelemetry traces here: http://127.0.0.1:4318/v1/traces.",
        metavar="URL",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("serve")(serve)


def serve(
    releases: Releases = None,
    project: Project = Path(),
    *,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 for any.")] = 8080,
    routers: Annotated[int, typer.Option(help="Processes that read requests; more for more cores.")] = 1,
    in_process: Annotated[
        bool,
        typer.Option(
            "--in-process",
            help="Stable releases answer where requests are read: a little quicker, less safe.",
        ),
    ] = False,
    head: Head = None,
    token_file: TokenFile = None,
    memory_mb: Annotated[int, typer.Option(help="Memory past which a worker is replaced.", min=64)] = 2048,
    traces: Traces = None,
    trace_ratio: Annotated[
        float, typer.Option(help="Share of requests that are traced.", min=0, max=1)
    ] = 0.01,
    state: Annotated[
        Path | None,
        typer.Option(
            help="Folder of what the server keeps, such as its rollouts; by default .smallcraft/serving.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve releases over HTTP until Ctrl-C, each verified before it loads.

    POST /predict takes {"<column>": "..."} and answers with a label; /v2 is the Open Inference Protocol;
    /openapi.json describes both, /metrics is for Prometheus. `smallcraft rollout start` moves traffic to a
    new release while this runs.
    """
    require_parts()
    from smallcraft.pipeline.serving import move_stable, serve_settings, served_project
    from smallcraft.serve.supervisor import serve as run_server
    from smallcraft.serve.tracing import TraceSettings

    served = served_project(project, state)
    settings = serve_settings(served, releases or (), heads=_heads(head or ()))
    settings = replace(
        settings,
        host=host,
        port=port,
        routers=routers,
        in_process=in_process,
        tokens=_tokens(token_file),
        workers=replace(settings.workers, memory_bytes=memory_mb << 20),
        tracing=None if traces is None else TraceSettings(traces, trace_ratio),
    )
    run_server(
        settings,
        on_done=lambda done: move_stable(served, done),
        on_ready=lambda where: _say_ready(where, settings),
    )


def _say_ready(where: Whereabouts, settings: ServeSettings) -> None:
    labels = ", ".join(source.label for source in settings.models)
    host = f"[{where.host}]" if ":" in where.host else where.host
    address = f"http://{host}:{where.port}"
    typer.echo(f"{labels} at {address}")
    typer.echo(f'  ask      curl {address}/predict -d \'{{"...": "..."}}\'; {address}/openapi.json says what')
    typer.echo(f"  watch    curl {address}/metrics")
    typer.echo("  replace  smallcraft rollout start RELEASE")
    typer.echo("  stop     Ctrl-C; requests under way are answered")


def require_parts() -> None:
    """Refuse to go on without the extra `[serve]`.

    Raises:
        MissingPartError: Names what is missing and the command that installs it.
    """
    try:
        import httptools  # noqa: F401
        import orjson  # noqa: F401
        import prometheus_client  # noqa: F401
        import uvicorn  # noqa: F401
        import xxhash  # noqa: F401
    except ImportError as error:
        raise MissingPartError(
            f"serving needs {error.name}, which is not installed; pip install 'smallcraft[serve]'"
        ) from error


def _heads(named: list[str] | tuple[()]) -> dict[str, str]:
    heads = {}
    for one in named:
        name, found, release = one.partition("=")
        if not (name and found and release):
            raise InvalidInputError(f"a head is NAME=RELEASE, got {one!r}; write billing=billing@stable")
        heads[name] = release
    return heads


def _tokens(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    try:
        lines = path.read_text("utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} must be a text file with a token a line ({error})") from error
    if not lines:
        raise InvalidInputError(f"{path} has no token; make one with `openssl rand -hex 24`")
    return tuple(lines)
