"""`smallcraft gate`: the gates alone, for pipelines; exit codes 0, 2, 3, files that they read, a comment."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smallcraft.cli.next_steps import after_verdicts, change_before, tell_next
from smallcraft.cli.options import Json, Project
from smallcraft.errors import SmallcraftError

if TYPE_CHECKING:
    from smallcraft.pipeline.gating import Gated


class ForgeName(StrEnum):
    """Where a summary can be posted."""

    GITHUB = "github"
    GITLAB = "gitlab"


Release = Annotated[
    str | None,
    typer.Argument(
        help="A release: helpdesk@3, 3, latest; by default what was built last.", metavar="[RELEASE]"
    ),
]
Junit = Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML there, a test case a verdict.")]
Markdown = Annotated[Path | None, typer.Option("--markdown", help="Write a summary for people there.")]
OutputJson = Annotated[
    Path | None, typer.Option("--output-json", help="Write the JSON object there, as --json prints it.")
]


Post = Annotated[
    ForgeName | None,
    typer.Option(
        "--post",
        help="Keep the summary as one comment on the pull or merge request of this pipeline; the token is "
        "GITHUB_TOKEN or GITLAB_TOKEN.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("gate")(gate)


def gate(
    release: Release = None,
    project: Project = Path(),
    *,
    junit: Junit = None,
    markdown: Markdown = None,
    output_json: OutputJson = None,
    post: Post = None,
    as_json: Json = False,
) -> int:
    """Judge the gates of smallcraft.toml over what a release has on record; nothing is trained.

    A comment that could not be posted is said, and leaves the exit code as the gates have it.
    """
    from smallcraft.cli.show import show_gated
    from smallcraft.pipeline.config import load_config
    from smallcraft.pipeline.gate_files import EXIT_CODES, render_json, render_junit, render_markdown
    from smallcraft.pipeline.gating import NOT_RELEASED, gate_project
    from smallcraft.pipeline.workspace import write_whole

    gated = gate_project(load_config(project), release)
    told = render_json(gated.subject, gated.verdicts)
    for path, text in (
        (junit, render_junit(gated.subject, gated.verdicts)),
        (markdown, render_markdown(gated.subject, gated.verdicts)),
        (output_json, told),
    ):
        if path is not None:
            write_whole(path, text.encode("utf-8"))
    if post is not None:
        typer.echo(_post(post, gated), err=True)
    if as_json:
        typer.echo(told, nl=False)
    else:
        show_gated(gated)
        if change := change_before(gated.verdicts):
            typer.echo(change)
    subject = None if gated.subject == NOT_RELEASED else gated.subject
    tell_next(*after_verdicts(gated.verdicts, release=subject), project=project, as_json=as_json)
    return EXIT_CODES[gated.outcome]


def _post(post: ForgeName, gated: Gated) -> str:
    """What became of the comment, in a line: the verdict is what a pipeline ends by."""
    from smallcraft.pipeline.posting import FORGES
    from smallcraft.pipeline.posting.sticky import post_summary

    try:
        forge = FORGES[post](os.environ)
        if forge is None:
            return "not posted: this pipeline runs for no pull or merge request"
        posted = post_summary(forge, gated.subject, gated.verdicts)
    except SmallcraftError as error:
        return f"not posted: {error}"
    return f"the summary is {'a new comment' if posted.is_new else 'updated'} on {posted.where}"
