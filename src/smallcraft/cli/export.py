"""`smallcraft export`: a release as files for others: a folder, a device, a cluster, a monitor."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smallcraft.cli.next_steps import next_line
from smallcraft.cli.options import Json, Project
from smallcraft.cli.parts import require_extra
from smallcraft.cli.saying import say
from smallcraft.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smallcraft.registry.reading import Stored
    from smallcraft.serve.exports.export import Deployment

_DASHBOARD = "smallcraft-dashboard.json"
_RULES = "smallcraft-rules.yaml"


class Part(StrEnum):
    """What an export of a release writes."""

    ALL = "all"
    BUNDLE = "bundle"


class System(StrEnum):
    """For whom a deployment is written down."""

    KSERVE = "kserve"
    ARGO = "argo"
    FLAGGER = "flagger"
    GRAFANA = "grafana"
    ALERTS = "alerts"


Of = Annotated[str, typer.Argument(help="A release: helpdesk@3, helpdesk@stable, latest.", metavar="RELEASE")]
Target = Annotated[Path, typer.Argument(help="The folder to make; with --device the zip.", metavar="TARGET")]
OnDevice = Annotated[
    bool, typer.Option("--device", help="One zip: the bundle, the runtime that reads it, an example.")
]
ForKServe = Annotated[
    bool, typer.Option("--kserve", help="KServe: an InferenceService, and how to split traffic.")
]
ForArgo = Annotated[
    bool,
    typer.Option("--argo", help="Argo Rollouts: AnalysisTemplates that ask the server for its verdict."),
]
ForFlagger = Annotated[
    bool, typer.Option("--flagger", help="Flagger: MetricTemplates and a Canary that wait for the rollout.")
]
ForGrafana = Annotated[bool, typer.Option("--grafana", help="Grafana: a dashboard of what /metrics tells.")]
ForAlerts = Annotated[
    bool, typer.Option("--alerts", help="Prometheus: recording and alert rules over /metrics.")
]
Availability = Annotated[
    float, typer.Option(help="For --alerts: the share of requests that was promised to be answered.")
]
Image = Annotated[
    str, typer.Option(help="For KServe: a container image with smallcraft and the project in it.")
]
Rollout = Annotated[
    str,
    typer.Option(
        help="For Argo and Flagger: the id of the rollout; by default the last.", show_default=False
    ),
]
Server = Annotated[
    str,
    typer.Option(
        help="The server's address in the cluster; by default http://NAME.NAMESPACE:8080.", show_default=False
    ),
]
Prometheus = Annotated[str, typer.Option(help="For Flagger: the Prometheus that scrapes the server.")]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("export")(export)


def export(
    release: Of,
    target: Target,
    project: Project = Path(),
    *,
    only: Annotated[Part, typer.Option(help="all, or the bundle alone: the on-device form.")] = Part.ALL,
    device: OnDevice = False,
    kserve: ForKServe = False,
    argo: ForArgo = False,
    flagger: ForFlagger = False,
    grafana: ForGrafana = False,
    alerts: ForAlerts = False,
    availability: Availability = 0.999,
    image: Image = "smallcraft:latest",
    rollout: Rollout = "",
    namespace: Annotated[str, typer.Option(help="Namespace of Kubernetes.")] = "default",
    server: Server = "",
    prometheus: Prometheus = "http://prometheus.monitoring:9090",
    as_json: Json = False,
) -> None:
    """Write a release to a folder that `model_signing verify` accepts; or what other systems need of it.

    One system at a time; nothing that is there already is overwritten.
    """
    from smallcraft.pipeline.workspace import open_registry
    from smallcraft.registry.proofs.exporting import export_release

    system = _only_one(
        device=device, kserve=kserve, argo=argo, flagger=flagger, grafana=grafana, alerts=alerts
    )
    found = open_registry(project).find(release)
    if system == "device":
        _export_device(found, target, project=project, as_json=as_json)
        return
    if system == "alerts":
        files = {_RULES: _rules(project, availability)}
        _write_files(files, target, release=found.entry.label, project=project, as_json=as_json)
        return
    if system is not None:
        require_extra("serve")
        from smallcraft.pipeline.deploying import deployment_of

        asks = system in (System.ARGO, System.FLAGGER)
        deployment = deployment_of(
            project,
            found,
            image=image,
            rollout=rollout,
            namespace=namespace,
            server=server,
            prometheus=prometheus,
            asks=asks,
        )
        _export_deployment(System(system), deployment, target, project=project, as_json=as_json)
        return
    written = export_release(found.files, lambda file: found.read(file.path), target, only=only.value)
    label = found.entry.label
    then = (
        next_line("doctor", str(written))
        if only is Part.BUNDLE
        else next_line("verify", label, project=project)
    )
    told = {"release": label, "folder": str(written)}
    say(f"{label} is in {written}", told=told, as_json=as_json, then=then)


def _only_one(**asked: bool) -> str | None:
    named = [name for name, is_asked in asked.items() if is_asked]
    if len(named) > 1:
        raise InvalidInputError(
            f"an export is for one system, got {' and '.join(f'--{name}' for name in named)}; "
            "run it once for each"
        )
    return named[0] if named else None


def _export_device(found: Stored, target: Path, *, project: Path, as_json: bool) -> None:
    from smallcraft.pipeline.device import export_device

    written = export_device(found, target)
    label, size_mb = found.entry.label, written.size_bytes / 1e6
    told = {
        "release": label,
        "zip": str(written.path),
        "digest": written.digest,
        "size_bytes": written.size_bytes,
    }
    then = next_line("cost", label, project=project)
    say(f"{label} is in {written.path}, {size_mb:.1f} MB", told=told, as_json=as_json, then=then)


def _export_deployment(
    system: System, deployment: Deployment, target: Path, *, project: Path, as_json: bool
) -> None:
    from smallcraft.serve.exports import BUILTIN
    from smallcraft.serve.metrics.grafana import write_dashboard

    if system is System.GRAFANA:
        files = {_DASHBOARD: write_dashboard()}
    else:
        files = {file.name: file.text for file in BUILTIN[system.value].write(deployment)}
    _write_files(files, target, release=deployment.canary, project=project, as_json=as_json)


def _rules(project: Path, availability: float) -> str:
    """What is promised: by the user, and by the project's budget."""
    from smallcraft.pipeline.config import load_config
    from smallcraft.serve.metrics.rules import Promise, write_rules

    limit_ms = load_config(project).budget.latency_p95_ms
    return write_rules(Promise(availability, None if limit_ms is None else limit_ms / 1000))


def _write_files(
    files: Mapping[str, str], target: Path, *, release: str, project: Path, as_json: bool
) -> None:
    from smallcraft.pipeline.workspace import write_whole

    if target.exists() and not target.is_dir():
        raise InvalidInputError(f"the target must be a folder, got the file {target}; name another one")
    taken = [name for name in files if (target / name).exists()]
    if taken:
        raise InvalidInputError(f"{target / taken[0]} is there already; name another folder")
    for name, text in files.items():
        write_whole(target / name, text.encode())
    say(
        f"{', '.join(files)} in {target}",
        told={"release": release, "folder": str(target), "files": list(files)},
        as_json=as_json,
        then=next_line("serve", project=project),
    )
