"""`[registry]` of the project file: the log's identity, and whether a release needs a person's reason."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from smallcraft.pipeline.sections import Section


class RegistrySection(Section):
    """Where releases are recorded, and what is asked before one is."""

    origin: (
        Annotated[str, Field(pattern=r"^[!-*,-~]{1,200}$", description="a name such as example.com/models")]
        | None
    ) = None
    require_because: bool = False
