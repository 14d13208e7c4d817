"""An encoder run by one of the runtimes, a text a request; needs numpy, tokenizers and that runtime."""

from __future__ import annotations

from pathlib import Path

from benchmarks.stopwatch import print_answer, read_job, time_requests
from smallcraft.bundle.blocks.encoder import EncoderBlock
from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.bundle.layout import BundleFiles, listed_digests, read_description
from smallcraft.bundle.runtime_choice import choose_runtime


def main() -> None:
    """Time the job's texts."""
    job = read_job()
    root = Path(job["encoder"])
    description, _ = read_description(root)
    files = BundleFiles(root, listed_digests(description), runtime=choose_runtime(job["runtime"]))
    block = EncoderBlock.load({**description["encoder"], "gain": 1.0}, files)
    spec = InputSpec(text="text")
    print_answer(time_requests(lambda text: block.encode(read_inputs([text], spec)), job["texts"]))


if __name__ == "__main__":
    main()
