"""Publishes one release into a registry; the line `begin` is printed when everything is loaded."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.stopwatch import print_answer, read_job
from smallcraft.errors import SmallcraftError
from smallcraft.registry.opening import Trust
from smallcraft.registry.store import Registry


def main() -> None:
    """The version that was made, or what was said against it."""
    job = read_job()
    sys.stdout.write("begin\n")
    sys.stdout.flush()
    try:
        registry = Registry.open(Path(job["root"]), trust=Trust(Path(job["trust"])))
        files = {"bundle/weights.safetensors": Path(job["weights"])}
        now = datetime.fromisoformat(job["now"]).astimezone(UTC)
        release = registry.publish(job["name"], files, {"accuracy": job["accuracy"]}, now=now)
        print_answer({"version": release.version})
    except SmallcraftError as error:
        print_answer({"error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main()
