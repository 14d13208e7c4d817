"""The gates' summary as one comment on a pull or merge request, updated in place; a forge a file.

Always: the token is never printed, never follows a redirect, and goes over TLS or to this machine only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from smallcraft.pipeline.posting.forge import Forge
from smallcraft.pipeline.posting.github import open_github
from smallcraft.pipeline.posting.gitlab import open_gitlab

FORGES: Mapping[str, Callable[[Mapping[str, str]], Forge | None]] = {
    "github": open_github,
    "gitlab": open_gitlab,
}
