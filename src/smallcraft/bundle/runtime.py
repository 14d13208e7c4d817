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

from smallcraft.bundle.decoder import Answers, Decoder, decode
from smallcraft.bundle.inputs import Inputs, InputSpec, Rows, read_inputs
from smallcraft.bundle.layout import DESCRIPTION, BundleFiles, listed_digests, read_description
from smallcraft.bundle.stage import Stage, load_stage
from smallcraft.errors import BundleFormatError, SmallcraftError


@dataclass(frozen=True)
class Bundle:
    """A candidate as it ships.

    Attributes:
        path: Its directory.
        digest: SHA-256 of its `bundle.json`, which lists every other file's digest.
        classes: The `k` labels, in the order of the probabilities.
        spec: The columns it reads.
        stages: One, or two for a cascade.
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

    def predict(self, rows: Rows) -> list[str]:
        """The most probable label of each row; the first one on a tie."""
        return [self.classes[code] for code in np.argmax(self.predict_proba(rows), axis=1)]


def answer_inputs(stages: tuple[Stage, ...], decoder: Decoder, inputs: Inputs) -> Answers:
    """Run a candidate's stages on rows already arranged."""
    if len(stages) == 1:
        return decode(decoder, stages[0].logits(inputs), None)
    return decode(decoder, stages[0].logits(inputs), lambda rows: stages[1].logits(inputs.take(rows)))


def open_bundle(path: str | Path) -> Bundle:
    """Open a bundle directory; nothing in it runs code.

    Args:
        path: The directory with `bundle.json`.

    Raises:
        NotFoundError: There is no bundle.
        BundleFormatError: It is of another format, or its description is incomplete.
        IntegrityError: A file is not the one that was recorded.
    """
    root = Path(path)
    description, digest = read_description(root)
    try:
        files = BundleFiles(root, listed_digests(description))
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
        raise BundleFormatError(
            f"{root / DESCRIPTION} is incomplete ({type(error).__name__}: {error}); "
            "take the bundle from the registry again"
        ) from error
    return bundle


def _refuse_misfits(bundle: Bundle) -> None:
    """Parts that are each in order may still not fit; asking about no rows at all shows it."""
    if len(bundle.stages) != (1 if bundle.decoder.mix is None else 2):
        raise BundleFormatError(
            f"{bundle.path / DESCRIPTION} must have one stage, or two and the weights that mix them, "
            f"got {len(bundle.stages)} with mix {bundle.decoder.mix}; take the bundle from the registry again"
        )
    no_rows = read_inputs({name: [] for name in bundle.spec.names}, bundle.spec)
    widths = [stage.logits(no_rows).shape[1] for stage in bundle.stages]
    classes = {name for name in bundle.classes if isinstance(name, str)}
    if not classes or {len(classes), len(bundle.classes), *widths} != {len(classes)}:
        raise BundleFormatError(
            f"{bundle.path / DESCRIPTION} must name a class for each logit, "
            f"got {len(classes)} different names for {widths[0]} logits; "
            "take the bundle from the registry again"
        )
