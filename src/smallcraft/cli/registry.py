"""`smallcraft registry ...`: upkeep of the store, from a look at its log to erasing a release."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from smallcraft.cli.next_steps import next_line, tell_next
from smallcraft.cli.options import Json, Project, folder_of
from smallcraft.cli.saying import say

_upkeep = typer.Typer(
    name="registry",
    help="Upkeep of the registry: retire, gc, scrub, reindex, rotate-key, restore-ledger, upgrade.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

Because = Annotated[str | None, typer.Option(help="Why, in a sentence.")]
Of = Annotated[str, typer.Argument(help="A release: helpdesk@3.", metavar="RELEASE")]


def register(app: typer.Typer) -> None:
    """Add the verbs below `registry`."""
    app.add_typer(_upkeep)


@_upkeep.command()
def retire(
    release: Of,
    *,
    project: Project = Path(),
    because: Because = None,
    erase: Annotated[
        bool,
        typer.Option("--erase", help="Its bytes go as well, with the next `gc`; the log keeps its entry."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Take a release out of use; nothing serves it any more."""
    from smallcraft.pipeline.version_control import keep_checkpoint
    from smallcraft.pipeline.workspace import open_registry

    registry = open_registry(project)
    found = registry.read(release)
    registry.retire(found.name, found.version, now=datetime.now(UTC), erase=erase, reason=because)
    keep_checkpoint(folder_of(project), registry.log())
    more = "; `smallcraft registry gc` erases its bytes" if erase else ""
    told = {"retired": found.label, "erased": erase}
    then = next_line("registry", "gc", project=project)
    say(f"{found.label} is retired{more}", told=told, as_json=as_json, then=then)


@_upkeep.command()
def gc(
    *,
    project: Project = Path(),
    grace_days: Annotated[float, typer.Option(help="How long the trash is kept.", min=0)] = 14.0,
    purge_erased: Annotated[
        bool, typer.Option("--purge-erased", help="Delete what was erased at once, without grace.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Move what nothing needs to the trash, delete what lay there long enough, and log what went."""
    from smallcraft.canonical import plain
    from smallcraft.pipeline.version_control import keep_checkpoint
    from smallcraft.pipeline.workspace import open_registry
    from smallcraft.registry.collecting import collect_garbage

    registry = open_registry(project)
    done = collect_garbage(
        registry,
        now=datetime.now(UTC),
        grace=timedelta(days=grace_days),
        purge_erased=purge_erased,
    )
    keep_checkpoint(folder_of(project), registry.log())
    where = "for good" if purge_erased else "to the trash"
    say(
        f"{len(done.removed):,} blobs went {where} ({done.removed_bytes:,} bytes)",
        *(f"kept {kept.content.digest} of {kept.of}: {kept.by} needs it" for kept in done.kept),
        *(f"left {path}: it is no blob; look at it, then move it away" for path in done.left),
        f"{len(done.purged):,} deleted from the trash",
        told=plain(done),
        as_json=as_json,
        then=next_line("verify", project=project),
    )


@_upkeep.command()
def scrub(
    *,
    project: Project = Path(),
    budget_mb: Annotated[float | None, typer.Option(help="Read at most so many MB; all by default.")] = None,
    source: Annotated[
        Path | None, typer.Option(help="A copy of the registry to fetch right bytes from.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Read what was not read for longest; set wrong bytes aside, and fetch right ones from a copy."""
    from smallcraft.canonical import plain
    from smallcraft.pipeline.workspace import open_registry
    from smallcraft.registry.scrubbing import scrub as scrub_registry

    budget = None if budget_mb is None else int(budget_mb * 1e6)
    found = scrub_registry(open_registry(project), budget_bytes=budget, now=datetime.now(UTC), source=source)
    line = f"{found.checked:,} blobs read ({found.checked_bytes:,} bytes), {found.waiting:,} wait"
    say(line, told={**plain(found), "is_whole": found.is_whole}, as_json=as_json)
    for blob in found.damaged:
        typer.echo(f"broken: {blob}", err=as_json or not blob.is_healed)
    healing = ("registry", "scrub", "--source", "COPY")
    tell_next(*(("verify",) if found.is_whole else healing), project=project, as_json=as_json)
    return 0 if found.is_whole else 4


@_upkeep.command()
def reindex(*, project: Project = Path(), as_json: Json = False) -> None:
    """Make `index.json` and the search anew from the log."""
    from smallcraft.pipeline.workspace import open_registry
    from smallcraft.registry.indexing import derive
    from smallcraft.registry.state import State

    registry = open_registry(project)
    with registry.writing(datetime.now(UTC)) as writer:
        State(registry.layout.database).remove()
        derive(registry.layout, writer.log)
        count = len(writer.log.entries)
    line = f"index and search hold what {count:,} entries of the log say"
    say(line, told={"entries": count}, as_json=as_json, then=next_line("log", project=project))


@_upkeep.command("rotate-key")
def rotate_key(*, project: Project = Path(), as_json: Json = False) -> None:
    """Let a new key sign the log from now on; the old one signs that it may."""
    from smallcraft.pipeline.version_control import keep_checkpoint
    from smallcraft.pipeline.workspace import open_registry

    registry = open_registry(project)
    vkey = registry.rotate_key(now=datetime.now(UTC))
    keep_checkpoint(folder_of(project), registry.log())
    line = f"the log is signed by {vkey} from now on; whoever pinned the old key follows by itself"
    say(line, told={"key": vkey}, as_json=as_json, then=next_line("verify", project=project))


@_upkeep.command("restore-ledger")
def restore_ledger(*, project: Project = Path(), as_json: Json = False) -> None:
    """Write the sealed test set's ledger anew from the looks that the log holds."""
    from smallcraft.pipeline.verifying import restore_looks

    restored = restore_looks(project)
    line = f"{restored.path} holds the {restored.count:,} looks of the log"
    told = {"ledger": str(restored.path), "looks": restored.count}
    say(line, told=told, as_json=as_json, then=next_line("verify", project=project))


@_upkeep.command()
def upgrade(*, project: Project = Path(), as_json: Json = False) -> None:
    """Bring a registry of the format before to this one; the old one is kept beside it."""
    from smallcraft.pipeline.upgrading import upgrade_project

    kept = upgrade_project(project, now=datetime.now(UTC))
    line = f"the registry has the present format; the old one is in {kept}"
    say(line, told={"before": str(kept)}, as_json=as_json, then=next_line("verify", project=project))
