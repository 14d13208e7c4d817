"""A twin of a candidate: the same recipe, trained again on more rows or on other labels, kept in memory.

What is remembered of the train rows (their embeddings) serves the twin too. Whatever depends on the added
rows or the labels is remembered under their digest, so nothing of a twin is ever taken for a candidate's.
Always: the candidate's decoder is kept, so nothing is trained out of fold; no bundle is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from smallcraft.bundle.decoder import Decoder
from smallcraft.bundle.inputs import Inputs, InputSpec, read_inputs
from smallcraft.bundle.runtime import answer_inputs
from smallcraft.canonical import digest_value
from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.audits.audit import Answer, Columns
from smallcraft.models.candidates import find_rung
from smallcraft.models.workshop import Workshop


@dataclass(frozen=True)
class WorkshopTwin:
    """Trains a rung of a workshop again.

    Attributes:
        workshop: The rows that the candidate was trained from.
        rung: The candidate's.
        decoder: The candidate's.
    """

    workshop: Workshop
    rung: str
    decoder: Decoder

    @cached_property
    def rows(self) -> Columns:
        """Input columns of the train rows; a missing number is None."""
        parts = [_columns_of(inputs, self.workshop.spec) for _, inputs in self.workshop.parts]
        return {name: [value for part in parts for value in part[name]] for name in self.workshop.spec.names}

    @property
    def labels(self) -> NDArray[np.int64]:
        """`(n,)` codes of the train rows' labels."""
        return self.workshop.labels

    def train_with(self, extra: Columns, labels: NDArray[np.int64]) -> Answer:
        """A model trained on the train rows and these; with none, the model of the train rows as they are.

        Raises:
            InvalidInputError: A label is no class, or there is not one for each row.
        """
        inputs = read_inputs(extra, self.workshop.spec)
        self._require_labels(labels, inputs.n)
        if inputs.n == 0:
            return self._train(self.workshop)
        columns = _columns_of(inputs, self.workshop.spec)
        name = f"extra-{digest_value({'rows': columns, 'labels': labels.tolist()})[7:23]}"
        return self._train(self._beside(name, inputs, labels, self.workshop.labels))

    def train_on_labels(self, labels: NDArray[np.int64]) -> Answer:
        """A model trained on the train rows with these labels.

        Raises:
            InvalidInputError: A label is no class, or there is not one for each row.
        """
        self._require_labels(labels, len(self.workshop.labels))
        name = f"labels-{digest_value(labels.tolist())[7:23]}"
        nothing = read_inputs({column: [] for column in self.workshop.spec.names}, self.workshop.spec)
        return self._train(self._beside(name, nothing, labels[:0], labels))

    def _beside(
        self, name: str, inputs: Inputs, extra: NDArray[np.int64], labels: NDArray[np.int64]
    ) -> Workshop:
        """The workshop with one part more; the part's name keeps what is remembered of it apart."""
        work = self.workshop
        return replace(
            work,
            parts=(*work.parts, (name, inputs)),
            labels=np.concatenate([labels, extra]),
            folds=np.concatenate([work.folds, np.zeros(inputs.n, dtype=np.int64)]),
            _made={},
        )

    def _train(self, workshop: Workshop) -> Answer:
        with threadpool_limits(1):
            stages = find_rung(self.rung).stages(workshop)

        def answer(rows: Columns) -> NDArray[np.float64]:
            with threadpool_limits(1):
                return answer_inputs(stages, self.decoder, read_inputs(rows, workshop.spec)).probs

        return answer

    def _require_labels(self, labels: NDArray[np.int64], n: int) -> None:
        k = len(self.workshop.classes)
        if labels.shape != (n,) or (n and not (labels.min() >= 0 and labels.max() < k)):
            raise InvalidInputError(
                f"a twin needs one label code in [0, {k}) for each of {n} rows, got shape {labels.shape} "
                f"between {labels.min(initial=k)} and {labels.max(initial=-1)}; use the codes of its classes"
            )


def _columns_of(inputs: Inputs, spec: InputSpec) -> Mapping[str, Sequence[object]]:
    found: dict[str, Sequence[object]] = {}
    if spec.text is not None:
        found[spec.text] = inputs.texts or []
    for place, name in enumerate(spec.numbers):
        found[name] = [None if np.isnan(value) else float(value) for value in inputs.numbers[:, place]]
    return found | dict(zip(spec.categories, inputs.categories, strict=True))
