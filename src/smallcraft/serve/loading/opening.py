"""Opens what a source names, so that it answers: nothing of it is used before it was checked.

Steps for a bundle, and for each head: (1) its size and kinds of file; (2) its description has the recorded
digest; (3) each file has its digest and is of a format that cannot run code; (4) it is opened; (5) it answers
its own test as it did when it was written.
Leaves to others: who signed the digests (`loading.released`), limits of the process (`loading.limits`).
Always: the bytes that were checked are those that are used, or are hashed again when they are read again.
Not covered: sound files with the wrong numbers (a rollout finds those).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from smallcraft.bundle.layout import BundleFiles, listed_digests, read_description
from smallcraft.bundle.runtime import Bundle, open_bundle
from smallcraft.bundle.selfcheck import SelfCheck, run_selfcheck
from smallcraft.bundle.trunk.trunk import Trunk, open_trunk
from smallcraft.errors import BundleFormatError, IntegrityError, InvalidInputError
from smallcraft.registry.content.formats import check_format
from smallcraft.serve.answering import (
    OWN_HEAD,
    Answerer,
    bundle_answerer,
    facts_of,
    facts_of_task,
    trunk_answerer,
)
from smallcraft.serve.loading.limits import LoadLimits
from smallcraft.serve.loading.source import HeadSource, ModelSource, description_name
from smallcraft.serve.questions import ModelFacts

# Flatbuffers of onnxruntime's own; no format of a release.
_ADAPTER = ".onnx_adapter"
_STAGES = "stages"
_MOST_THREADS = 4


@dataclass(frozen=True)
class LoadedModel:
    """A model that answers.

    Attributes:
        answerer: What answers.
        checks: How each head answered its own test.
    """

    answerer: Answerer
    checks: Mapping[str, SelfCheck]


def open_model(
    source: ModelSource, *, limits: LoadLimits | None = None, threads: int | None = None
) -> LoadedModel:
    """Open a model, and each of its heads once, so that it answers its own test.

    Args:
        source: Where they are, and what they must be.
        limits: How large they may be; None for the usual.
        threads: Of an encoder's runs, how many may go side by side; None for one a processor that this
            process may use, four at most.

    Raises:
        NotFoundError: A folder holds no bundle.
        BundleFormatError: A bundle is too large, of another format, incomplete, or does not answer its own
            test.
        InvalidInputError: A head is for another encoder.
        IntegrityError: A file is not the one that was recorded, or could run code.
    """
    limits, threads = limits or LoadLimits(), threads or usable_threads()
    described = check_folder(source.folder, source.digest, limits=limits)
    if source.heads:
        return _open_trunk(source, has_own=_STAGES in described, limits=limits, threads=threads)
    # (4) open
    bundle = open_bundle(source.folder, digest=source.digest)
    checked = _checked(bundle, source.label)
    facts = facts_of(bundle, source.name, source.version)
    return LoadedModel(bundle_answerer(bundle, facts, threads=threads), {OWN_HEAD: checked})


def check_folder(folder: Path, digest: str, *, limits: LoadLimits) -> Mapping[str, object]:
    """Look at every file of a bundle, trunk or pack before any is opened: steps (1) to (3).

    Args:
        folder: Where it is.
        digest: What its description's must be.
        limits: How large it may be.

    Returns:
        The description.

    Raises:
        NotFoundError: There is none.
        BundleFormatError: It is too large, or incomplete.
        IntegrityError: A file is not the one that was recorded, no plain one, or could run code.
    """
    # (1) size and kinds
    _refuse_oversize(folder, limits)
    # (2) the recorded digest
    description, _ = read_description(folder, name=description_name(folder), digest=digest)
    # (3) each file
    try:
        files = BundleFiles(folder, listed_digests(description))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise BundleFormatError(
            f"{folder} does not list its files ({error}); take the bundle from the registry again"
        ) from error
    for path in files.digests:
        data = files.read_again(path)
        try:
            if not path.endswith(_ADAPTER):
                check_format(path, data)
        except InvalidInputError as error:
            raise IntegrityError(
                f"{folder / path} must not be opened: {error}; do not use this model"
            ) from error
    return description


def usable_threads() -> int:
    """How many runs may go side by side in this process."""
    return min(_MOST_THREADS, len(os.sched_getaffinity(0)))


def _open_trunk(source: ModelSource, *, has_own: bool, limits: LoadLimits, threads: int) -> LoadedModel:
    """The model's encoder, once, under its own task and the heads."""
    trunk = open_trunk(source.folder, budget_bytes=source.budget_bytes, digest=source.digest)
    heads = list(source.heads)
    if has_own:
        own = (source.name, source.version, source.folder, source.digest)
        heads.insert(0, HeadSource(OWN_HEAD, *own, is_pinned=True))
    facts: dict[str, ModelFacts] = {}
    checks: dict[str, SelfCheck] = {}
    for head in heads:
        if head.head in facts:
            raise InvalidInputError(f"a head is named once, '{head.head}' is named twice; leave one out")
        facts[head.head] = _add_head(trunk, head, limits=limits)
        checks[head.head] = _checked(trunk.bundle(head.head), f"head '{head.head}'")
    return LoadedModel(trunk_answerer(trunk, facts, threads=threads), checks)


def _add_head(trunk: Trunk, head: HeadSource, *, limits: LoadLimits) -> ModelFacts:
    check_folder(head.folder, head.digest, limits=limits)
    trunk.add(head.head, head.folder, is_pinned=head.is_pinned)
    task = trunk.task(head.head)
    if task.digest != head.digest:
        raise IntegrityError(
            f"{head.folder} is not what was recorded: {head.digest} was wanted, it has {task.digest}; do not "
            "use this head, take it from the registry again"
        )
    return facts_of_task(task, head.name, head.version)


def _checked(bundle: Bundle, label: str) -> SelfCheck:
    # (5) its own test
    found = run_selfcheck(bundle)
    if not found.is_fine:
        raise BundleFormatError(
            f"{label} must answer its own test as it did when it was written: {found.agreeing} of "
            f"{found.rows} rows do here, largest difference {found.largest_difference:.2g}; build it on such "
            "a processor, or take the form fp32"
        )
    return found


def _refuse_oversize(folder: Path, limits: LoadLimits) -> None:
    """By what is on the disk: what a description says of sizes may be wrong."""
    files = size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            found = Path(parent, name).lstat()
            if not stat.S_ISREG(found.st_mode):
                raise IntegrityError(
                    f"{Path(parent, name)} must be a plain file, as every file of a bundle; do not use this "
                    "model, take it from the registry again"
                )
            files, size = files + 1, size + found.st_size
    if files > limits.files or size > limits.bundle_bytes:
        raise BundleFormatError(
            f"{folder} may have {limits.files:,} files of {limits.bundle_bytes:,} bytes together, it has "
            f"{files:,} of {size:,}; raise the limit if that is meant"
        )
