"""smallcraft's own server, from folders: what `smallcraft serve` does once it has found the releases."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from smallcraft.serve.loading.source import source_of_folder
from smallcraft.serve.processes.settings import ServeSettings
from smallcraft.serve.supervisor import serve


def main() -> None:
    """Serve what the job says, until it is told to end."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    stable = source_of_folder(Path(job["bundle"]), job["name"], "1")
    state = Path(job["state"])
    serve(ServeSettings((stable,), state, port=job["port"], in_process=job["in_process"]))


if __name__ == "__main__":
    main()
