"""A bundle, opened: the object that answers.

Always: every file is checked against its recorded digest before it is used, and a row's answer never
depends on the rows beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.decoder import Answers, Decoder, Link, decode
from smallcraft.bundle.inputs import Inputs, InputSpec, Rows, read_inputs
from smallcraft.bundle.layout import DESCRIPTION, BundleFiles, listed_digests, read_description
from smallcraft.bundle.runtime_choice import choose_runtime
from smallcraft.bundle.stage import Stage, load_stage
from smallcraft.errors import BundleFormatError, SmallcraftError
from smallcraft.records import Decisions, Label, Task

TASK_OF_LINK: Mapping[Link, Task] = {
    "softmax": "multiclass",
    "sigmoid": "multilabel",
    "identity": "regression",
}


@dataclass(frozen=True)
class Bundle:
    """A candidate as it ships.

    Attributes:
        path: Its directory.
        digest: SHA-256 of its `bundle.json`, which lists every other file's digest.
        classes: The `k` labels, in the order of the probabilities.
        spec: The columns it reads.
        stages: One, or more for a cascade.
        decoder: How logits become probabilities.
        description: All of `bundle.json`.
        files: Reads its files, each checked against its digest.
    """

    path: Path
    digest: str
    classes: tuple[str, ...]
    spec: InputSpec
    stages: tuple[Stage, ...]
    decoder: Decoder
    description: Mapping[str, Any]
    files: BundleFiles

    @property
    def task(self) -> Task:
        """What it answers with: one class, several labels, or a number."""
        return TASK_OF_LINK[self.decoder.link]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the columns it reads."""
        return self.spec.names

    def answer(self, rows: Rows) -> Answers:
        """Probabilities, and which rows a second stage was asked about.

        Args:
            rows: A list of texts (text-only bundles), or a mapping of column name to values.

        Raises:
            InvalidInputError: The rows lack a column or hold a value of the wrong kind.
        """
        return answer_inputs(self.stages, self.decoder, read_inputs(rows, self.spec))

    def predict_proba(self, rows: Rows) -> NDArray[np.float64]:
        """`(n, k)` probabilities in the order of `classes`."""
        return self.answer(rows).probs

    def decide(self, rows: Rows) -> Decisions:
        """What is answered to each row, and how sure that is."""
        return self.decoder.decides.decide(self.predict_proba(rows), self.classes)

    def predict(self, rows: Rows) -> list[Label]:
        """The answer to each row: a label, a tuple of labels or a number; None where it abstains."""
        return list(self.decide(rows).labels)


def answer_inputs(stages: tuple[Stage, ...], decoder: Decoder, inputs: Inputs) -> Answers:
    """Run a candidate's stages on rows already arranged."""
    first, *others = stages

    def ask(rows: NDArray[np.intp]) -> list[NDArray[np.float64]]:
        taken = inputs.take(rows)
        return [stage.logits(taken) for stage in others]

    return decode(decoder, first.logits(inputs), ask if others else None)


def open_bundle(path: str | Path, *, runtime: str | None = None, digest: str | None = None) -> Bundle:
    """Open a bundle directory; nothing in it runs code.

    Args:
        path: The directory with `bundle.json`.
        runtime: What runs its graphs (`bundle/runtimes`); None asks SMALLCRAFT_RUNTIME, else onnxruntime.
        digest: What the bundle's digest must be, such as a release records it; None takes what is there.

    Raises:
        NotFoundError: There is no bundle.
        BundleFormatError: It is of another format, or its description is incomplete.
        IntegrityError: A file, or the bundle, is not the one that was recorded.
        MissingPartError: The runtime is not installed.
    """
    root = Path(path)
    description, found = read_description(root, digest=digest)
    return read_bundle(root, description, found, open_files(root, description, runtime=runtime))


def open_files(root: Path, description: Mapping[str, Any], *, runtime: str | None = None) -> BundleFiles:
    """The files that a description lists, unread."""
    try:
        listed = listed_digests(description)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise _incomplete(root, error) from error
    return BundleFiles(root, listed, runtime=choose_runtime(runtime))


def read_bundle(root: Path, description: Mapping[str, Any], digest: str, files: BundleFiles) -> Bundle:
    """A bundle from its description, with files that may be shared with others.

    Args:
        root: Its directory, for messages.
        description: What `bundle.json` says.
        digest: That file's digest.
        files: Reads whatever the description names.

    Raises:
        BundleFormatError: The description is incomplete, or its parts do not fit.
        IntegrityError: A file is not the one that was recorded.
    """
    try:
        spec = description["inputs"]
        bundle = Bundle(
            path=root,
            digest=digest,
            classes=tuple(description["classes"]),
            spec=InputSpec(spec["text"], tuple(spec["numbers"]), tuple(spec["categories"])),
            stages=tuple(load_stage(stage, files) for stage in description["stages"]),
            decoder=Decoder.read(description["decoder"]),
            description=description,
            files=files,
        )
        _refuse_misfits(bundle)
    except SmallcraftError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise _incomplete(root, error) from error
    return bundle


def _incomplete(root: Path, error: Exception) -> BundleFormatError:
    return BundleFormatError(
        f"{root / DESCRIPTION} is incomplete ({type(error).__name__}: {error}); "
        "take the bundle from the registry again"
    )


def _refuse_misfits(bundle: Bundle) -> None:
    """Parts that are each in order may still not fit; asking about no rows at all shows it."""
    if len(bundle.stages) != len(bundle.decoder.mix or (1.0,)):
        raise BundleFormatError(
            f"{bundle.path / DESCRIPTION} must have one stage, or several and the weights that mix them, "
            f"got {len(bundle.stages)} with mix {bundle.decoder.mix}; take the bundle from the registry again"
        )
    nothing: dict[str, list[object]] = {name: [] for name in bundle.spec.names}
    no_rows = read_inputs(nothing, bundle.spec)
    widths = [stage.logits(no_rows).shape[1] for stage in bundle.stages]
    classes = {name for name in bundle.classes if isinstance(name, str)}
    if not classes or {len(classes), len(bundle.classes), *widths} != {len(classes)}:
        raise BundleFormatError(
            f"{bundle.path / DESCRIPTION} must name a class for each logit, "
            f"got {len(classes)} different names for {widths[0]} logits; "
            "take the bundle from the registry again"
        )
    bundle.decide(nothing)
