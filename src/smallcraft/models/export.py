"""Writes a candidate as a bundle directory, named by its digest, with a self-check inside.

Always: the directory appears whole or not at all; the same candidate gives the same bytes and so the same
name; one that is there but damaged is written anew.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from smallcraft.bundle.decoder import Decoder
from smallcraft.bundle.inputs import InputSpec
from smallcraft.bundle.layout import BundleFiles, BundleWriter, listed_digests, read_description
from smallcraft.bundle.runtime import TASK_OF_LINK
from smallcraft.bundle.selfcheck import GOLDEN, golden_answers
from smallcraft.bundle.stage import Stage
from smallcraft.errors import SmallcraftError


def write_bundle(
    target: Path,
    stages: tuple[Stage, ...],
    decoder: Decoder,
    *,
    classes: tuple[str, ...],
    spec: InputSpec,
    about: Mapping[str, Any],
) -> tuple[Path, str]:
    """Write a bundle below `target`.

    Args:
        target: Folder of bundles; made when it is not there.
        stages: One, or two for a cascade.
        decoder: How logits become probabilities.
        classes: The labels, in the order of the logits.
        spec: The columns the bundle reads.
        about: Facts for its description: rung, version, backbone, licence.

    Returns:
        Its directory, and its digest.
    """
    target.mkdir(parents=True, exist_ok=True)
    draft = target / f"draft.{os.getpid()}.tmp"
    shutil.rmtree(draft, ignore_errors=True)
    writer = BundleWriter(draft)
    described = [stage.save(writer) for stage in stages]
    writer.add_arrays(GOLDEN, golden_answers(stages, decoder, spec))
    task = {} if decoder.link == "softmax" else {"task": TASK_OF_LINK[decoder.link]}
    digest = writer.finish(
        {
            **task,
            "about": about,
            "classes": classes,
            "decoder": decoder.describe(),
            "inputs": {"text": spec.text, "numbers": spec.numbers, "categories": spec.categories},
            "stages": described,
        }
    )
    final = target / f"{str(about.get('rung', 'bundle')).replace(':', '-')}-{digest[7:19]}"
    if final.exists() and _is_intact(final, digest):
        shutil.rmtree(draft)
    else:
        shutil.rmtree(final, ignore_errors=True)
        draft.rename(final)
    return final, digest


def _is_intact(folder: Path, digest: str) -> bool:
    try:
        description, found = read_description(folder)
        files = BundleFiles(folder, listed_digests(description))
        for path in files.digests:
            files.read(path)
    except SmallcraftError:
        return False
    return found == digest
