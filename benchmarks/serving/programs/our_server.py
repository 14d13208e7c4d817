"""smallcraft's own server, from folders: what `smallcraft serve` does once it has found the releases.

On this machine, or with `on_ray` in its job on a Ray cluster of its own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from smallcraft.serve.loading.source import source_of_folder
from smallcraft.serve.processes.settings import ServeSettings
from smallcraft.serve.ray.running import serve_on_ray
from smallcraft.serve.ray.settings import RaySettings
from smallcraft.serve.supervisor import serve


def main() -> None:
    """Serve what the job says, until it is told to end."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    stable = source_of_folder(Path(job["bundle"]), job["name"], "1")
    state = Path(job["state"])
    routers = job.get("routers", 1)
    settings = ServeSettings(
        (stable,), state, port=job["port"], in_process=job["in_process"], routers=routers
    )
    if job.get("on_ray"):
        # Of a processor each a part: what is measured is how far they come on the cores that there are.
        serve_on_ray(settings, RaySettings(replicas=job["replicas"], processors=0.1))
    else:
        serve(settings)


if __name__ == "__main__":
    main()
