"""What a server program is told: a file named by its first argument."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving.programs.models import Model, open_model

# Programs that a peer's own command loads have other arguments.
VARIABLE = "SMALLCRAFT_BENCH_JOB"


@dataclass(frozen=True)
class ServerJob:
    """What to serve, and where.

    Attributes:
        kind: `linear` or `text`.
        folder: Of the models.
        port: On 127.0.0.1.
        batch: Requests at once, at most, for servers that gather them; 1 for none.
        style: Which of a program's ways; empty for its only one.
    """

    kind: str
    folder: str
    port: int
    batch: int = 1
    style: str = ""

    def open(self) -> Model:
        """The model."""
        return open_model(self.kind, Path(self.folder))


def read_server_job() -> ServerJob:
    """This program's."""
    path = os.environ.get(VARIABLE) or sys.argv[1]
    return ServerJob(**json.loads(Path(path).read_text(encoding="utf-8")))
