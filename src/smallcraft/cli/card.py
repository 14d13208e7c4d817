"""`smallcraft card`: a release's card, datasheet, Croissant or ML-BOM; and the check of a published copy."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smallcraft.cli.options import Project, Release
from smallcraft.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from smallcraft.registry.opening import OpenLog
    from smallcraft.registry.reading import Stored


class Paper(StrEnum):
    """What a release says of itself in words."""

    CARD = "card"
    DATASHEET = "datasheet"
    CROISSANT = "croissant"
    BOM = "bom"


_PATHS = {
    Paper.CARD: "card.md",
    Paper.DATASHEET: "datasheet.md",
    Paper.CROISSANT: "croissant.json",
    Paper.BOM: "bom.json",
}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("card")(card)


def card(
    release: Release = "latest",
    *,
    project: Project = Path(),
    paper: Annotated[Paper, typer.Option(help="Which paper.")] = Paper.CARD,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it to this file.")] = None,
    check: Annotated[
        Path | None,
        typer.Option(help="Compare this published copy with the release; exit 1 when it differs."),
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(help="Write card.md and its charts as PNG files into this folder.", metavar="DIR"),
    ] = None,
) -> None:
    """Print the model card of a release, with the log's checkpoint: a published card is a pin."""
    _refuse_mixed(paper, output=output, check=check, pictures=pictures)
    from smallcraft.pipeline.workspace import open_registry, write_whole
    from smallcraft.registry.papers.checking import with_checkpoint

    registry = open_registry(project)
    found = registry.find(release)
    text = found.read(_PATHS[paper]).decode("utf-8")
    if check is not None:
        _check(check, text, label=found.entry.label, log=registry.log())
        return
    whole = with_checkpoint(text, registry.log().note.decode()) if paper is Paper.CARD else text
    if pictures is not None:
        _write_pictures(found, whole, pictures)
        return
    if output is None:
        typer.echo(whole, nl=False)
        return
    write_whole(output, whole.encode("utf-8"))
    typer.echo(f"wrote the {paper} of {found.entry.label} to {output}")


def _refuse_mixed(paper: Paper, *, output: Path | None, check: Path | None, pictures: Path | None) -> None:
    """Pictures belong to the card, and are written with it.

    Raises:
        InvalidInputError: Something else was asked for beside them.
    """
    if pictures is None:
        return
    others = {"--output": output, "--check": check, "--paper": None if paper is Paper.CARD else paper}
    given = [name for name, value in others.items() if value is not None]
    if given:
        raise InvalidInputError(
            f"--pictures writes card.md and its charts and takes nothing beside it, got {', '.join(given)}; "
            "leave it out, or ask twice"
        )


def _write_pictures(found: Stored, card: str, folder: Path) -> None:
    from smallcraft.pipeline.card_pictures import write_pictured_card

    first, *others = write_pictured_card(found, card, folder)
    names = ", ".join(path.name for path in others) or "no chart: the release recorded nothing to draw"
    typer.echo(f"wrote the card of {found.entry.label} to {first}, with {names}")


def _check(path: Path, text: str, *, label: str, log: OpenLog) -> None:
    """The published copy says what the release says, and the log continues the checkpoint printed with it.

    Raises:
        NotFoundError: There is no such file.
        InvalidInputError: It says something else.
        IntegrityError: The log was rolled back or forked since the copy was printed.
    """
    from smallcraft.registry.opening import require_well
    from smallcraft.registry.papers.checking import compare_published
    from smallcraft.registry.verify.copies import Copy, pin_of

    if not path.is_file():
        raise NotFoundError(f"no published copy at {path}; name the file that holds the card")
    compared = compare_published(path.read_text(encoding="utf-8"), text, label=label)
    if compared.difference is not None:
        raise InvalidInputError(f"{path}: {compared.difference.sentence}")
    if compared.checkpoint is not None:
        pin = pin_of(Copy(compared.checkpoint.encode("utf-8"), str(path)), log.keys)
        require_well(pin, log, source=str(path))
    typer.echo(f"{path} says what {label} says")
