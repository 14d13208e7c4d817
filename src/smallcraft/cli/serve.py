"""`smallcraft serve`: releases over HTTP, from the registry, verified before they load."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smallcraft.cli.dashboard import PagesBeside, pages_beside
from smallcraft.cli.next_steps import next_line
from smallcraft.cli.options import Project
from smallcraft.cli.parts import require_extra
from smallcraft.cli.saying import starting
from smallcraft.errors import InvalidInputError

if TYPE_CHECKING:
    from smallcraft.serve.processes.settings import ServeSettings
    from smallcraft.serve.processes.whereabouts import Whereabouts
    from smallcraft.serve.ray.settings import RaySettings
    from smallcraft.serve.supervisor import OnDone, OnReady

_ROUTERS_ON_RAY = 3

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

Routers = Annotated[
    int | None,
    typer.Option(
        help="Processes that read requests, more for more cores; by default 1, on Ray 3.", show_default=False
    ),
]
StateFolder = Annotated[
    Path | None,
    typer.Option(
        help="Folder of what the server keeps, such as its rollouts; by default .smallcraft/serving.",
        show_default=False,
    ),
]
On = Annotated[
    str,
    typer.Option(
        help="Where: 'here' for this machine, 'ray' for Ray Serve on the cluster that it is in.",
        metavar="here|ray",
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
    routers: Routers = None,
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
    state: StateFolder = None,
    ui: Annotated[
        bool, typer.Option("--ui", help="Show the pages of `smallcraft dashboard` at /ui too.")
    ] = False,
    on: On = "here",
    replicas: Annotated[int, typer.Option(help="On Ray, processes that answer for each release.")] = 2,
    cpus: Annotated[float, typer.Option(help="On Ray, processors that each process reserves.")] = 1.0,
) -> None:
    """Serve releases over HTTP until Ctrl-C, each verified before it loads.

    POST /predict takes {"<column>": "..."} and answers with a label; /v2 is the Open Inference Protocol;
    /openapi.json describes both, /metrics is for Prometheus. `smallcraft rollout start` moves traffic to a
    new release while this runs.
    """
    require_extra("serve", *(() if traces is None else ("traces",)))
    is_on_ray = _is_on_ray(on)
    with starting():
        from smallcraft.pipeline.serving import move_stable, serve_settings, served_project
        from smallcraft.serve.ray.settings import RaySettings
        from smallcraft.serve.tracing import TraceSettings

        served = served_project(project, state)
        settings = serve_settings(served, releases or (), heads=_heads(head or ()))
    settings = replace(
        settings,
        host=host,
        port=port,
        routers=(_ROUTERS_ON_RAY if is_on_ray else 1) if routers is None else routers,
        in_process=in_process,
        tokens=_tokens(token_file),
        workers=replace(settings.workers, memory_bytes=memory_mb << 20),
        tracing=None if traces is None else TraceSettings(traces, trace_ratio),
    )
    pages = _pages(project, settings) if ui else None
    settings = replace(settings, pages_command=pages.command if pages else ())
    _run(
        settings,
        RaySettings(replicas=replicas, processors=cpus) if is_on_ray else None,
        on_done=partial(move_stable, served),
        on_ready=lambda where: _say_ready(
            where, settings, project=project, token_file=token_file, pages=pages
        ),
    )


def _is_on_ray(on: str) -> bool:
    from smallcraft.serve.ray.cluster import read_place, require_ray

    is_on_ray = read_place(on)
    if is_on_ray:
        require_ray()
    return is_on_ray


def _run(settings: ServeSettings, on_ray: RaySettings | None, *, on_done: OnDone, on_ready: OnReady) -> None:
    """Serve on this machine, or on its cluster."""
    if on_ray is None:
        from smallcraft.serve.supervisor import serve as serve_here

        serve_here(settings, on_done=on_done, on_ready=on_ready)
        return
    from smallcraft.serve.ray.running import serve_on_ray

    serve_on_ray(settings, on_ray, on_done=on_done, on_ready=on_ready)


def _pages(project: Path, settings: ServeSettings) -> PagesBeside:
    """The pages at /ui; who must show a token to ask must sign in to look."""
    from smallcraft.addresses import is_loopback

    is_closed = bool(settings.tokens) or not is_loopback(settings.host)
    return pages_beside(project, settings.state, must_sign_in=is_closed)


def _say_ready(
    where: Whereabouts,
    settings: ServeSettings,
    *,
    project: Path,
    token_file: Path | None,
    pages: PagesBeside | None,
) -> None:
    labels = ", ".join(source.label for source in settings.models)
    host = f"[{where.host}]" if ":" in where.host else where.host
    address = f"http://{host}:{where.port}"
    replacing = next_line("rollout", "start", "RELEASE", project=project).removeprefix("next  ")
    typer.echo(f"{labels} at {address}")
    typer.echo(f"  read     {address}/openapi.json says what can be asked")
    typer.echo(f"  watch    curl {address}/metrics")
    if pages is not None:
        typer.echo(f"  look     {address}/ui/")
        typer.echo(f"  sign in  {address}/ui/sign-in?token={pages.token}")
    typer.echo(f"  replace  {replacing}")
    typer.echo("  stop     Ctrl-C; requests under way are answered")
    typer.echo(f"next  {_first_question(address, settings.models[0].folder, token_file)}")


def _first_question(address: str, bundle: Path, token_file: Path | None) -> str:
    """A question that can be pasted into another terminal and is answered as it stands."""
    from smallcraft.bundle.layout import DESCRIPTION

    inputs = json.loads((bundle / DESCRIPTION).read_text(encoding="utf-8")).get("inputs", {})
    row: dict[str, object] = {inputs["text"]: "write your text here"} if inputs.get("text") else {}
    row |= dict.fromkeys(inputs.get("numbers", ()), 1) | dict.fromkeys(inputs.get("categories", ()), "a")
    token = (
        ""
        if token_file is None
        else f' -H "Authorization: Bearer $(head -n 1 {shlex.quote(str(token_file))})"'
    )
    return f"curl {address}/predict{token} -d {shlex.quote(json.dumps(row, ensure_ascii=False))}"


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
        raise InvalidInputError(
            f"{path} must be a text file with a token a line ({error}); write one"
        ) from error
    if not lines:
        raise InvalidInputError(f"{path} has no token; make one with `openssl rand -hex 24`")
    return tuple(lines)
