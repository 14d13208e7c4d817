"""A candidate without one of its parts, retrained: what the part is worth shows on rows beside the whole.

Parts: each block of a linear stage where it has several (n-grams, token embeddings, encoder, feature
columns), each stage of a cascade, each column where a rung reads nothing but feature columns, and the
calibration. Taking a block out fits the head again on the other
blocks, whose encodings are those of the climb; nothing is encoded twice and no pass over all folds is made
again. The decoder stays as it was, but for its scale and mix where these matter (a cascade routes by its
probabilities, some metrics read them): they are fitted again on one fold held out.
Always: the candidate itself is left as it is; what was once fitted or answered is remembered.
Not covered: single columns beside a text, or where there are more than 16; blocks of rungs not built in.
Left to others: comparing the answers (`evaluate.choice.ablations`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from smallcraft.bundle.blocks.block import Block
from smallcraft.bundle.decoder import Decoder, decode
from smallcraft.bundle.encoded import Encoded
from smallcraft.bundle.inputs import Inputs, InputSpec
from smallcraft.bundle.stage import Stage
from smallcraft.canonical import digest_value
from smallcraft.contracts import Need
from smallcraft.models.calibrate import answered_rows, fit_mix, fit_scale
from smallcraft.models.candidates import find_rung
from smallcraft.models.crashes import describe_crash
from smallcraft.models.fewer_columns import without_column, workshop_without
from smallcraft.models.memory import Arrays
from smallcraft.models.parts.linear import linear_logits
from smallcraft.models.parts.targets import TASKS
from smallcraft.models.recipe import LinearRecipe, LinearRung
from smallcraft.models.rungs.cascade import Cascade
from smallcraft.models.workshop import Workshop

_PART_OF_BLOCK = {
    "ngram": "n-grams",
    "static": "token embeddings",
    "encoder": "encoder",
    "onehot": "feature columns",
    "columns": "feature columns",
}
MOST_COLUMNS = 16
FIRST, SECOND, CALIBRATION = "first stage", "second stage", "calibration"


@dataclass(frozen=True)
class Ablated:
    """What is left of a candidate.

    Attributes:
        stages: One, or two for a cascade.
        decoder: How logits become probabilities.
        column: The feature column that the stages do not read, where that is the part.
    """

    stages: tuple[Stage, ...]
    decoder: Decoder
    column: str | None = None


MakeAblated = Callable[[], Ablated]


def ablate(
    rung: str, workshop: Workshop, decoder: Decoder, *, reads_probabilities: bool = False
) -> Mapping[str, MakeAblated]:
    """The parts of a rung, each with the way to make the candidate without it.

    Args:
        rung: Its name; of one that is not built in only the calibration is a part.
        workshop: The one that the candidate was trained in.
        decoder: The candidate's.
        reads_probabilities: Whether the metric does (log-loss, Brier): the scale of what is left of a text
            rung is then fitted again even though it changes no label.

    Returns:
        Part to a function without arguments; nothing is trained before it is called.

    Raises:
        InvalidInputError: There is no rung of that name.
    """
    found = find_rung(rung)
    parts: dict[str, MakeAblated] = {}
    if isinstance(found, LinearRung):
        for part, names in _parts_of((found,), workshop).items():
            parts[part] = partial(
                _without_block, found, names, workshop, decoder, refit_scale=reads_probabilities
            )
    elif isinstance(found, Cascade):
        if isinstance(found.first, LinearRung) and isinstance(found.second, LinearRung):
            both = (found.first, found.second)
            for part, names in _parts_of(both, workshop).items():
                parts[part] = partial(_cascade_without_block, both, names, workshop, decoder)
        parts[FIRST] = partial(_second_stage_alone, found, workshop)
        parts[SECOND] = partial(_first_stage_alone, found, workshop, decoder)
    # A rung that trains for minutes is not trained again for each column.
    columns = () if found.is_raced else _columns_of(found.needs, workshop)
    parts |= {
        f"column {column}": partial(_without_column, rung, column, workshop, decoder) for column in columns
    }
    if workshop.task == "multiclass":
        parts[CALIBRATION] = partial(_uncalibrated, rung, workshop, decoder)
    return parts


def answers_without(
    rung: str,
    workshop: Workshop,
    decoder: Decoder,
    inputs: Inputs,
    *,
    rows: str,
    reads_probabilities: bool = False,
) -> Mapping[str, NDArray[np.float64] | str]:
    """What the candidate would answer without each of its parts.

    Args:
        rung: Its name.
        workshop: The one that the candidate was trained in.
        decoder: The candidate's.
        inputs: The rows to answer.
        rows: What these rows are, for the memory: equal names mean equal rows.
        reads_probabilities: As in `ablate`.

    Returns:
        Part to `(n, k)` probabilities, or to the reason why there are none.
    """
    parts = ablate(rung, workshop, decoder, reads_probabilities=reads_probabilities)
    key = digest_value({"decoder": decoder.describe(), "scale": reads_probabilities})[7:15]
    encodings = _Encodings(inputs, workshop.spec)
    answers: dict[str, NDArray[np.float64] | str] = {}
    for number, (part, make) in enumerate(parts.items()):
        workshop.progress(f"{rung} without {part}", number / len(parts))
        name = f"{rung}-ablations/{workshop.name}-{rows}-{part.replace(' ', '-')}-{key}"
        try:
            with threadpool_limits(1):
                found = workshop.memory.recall(name, partial(_answer, make, encodings))
        except Exception as error:  # noqa: BLE001 - as in a climb: a crash is a row of the table
            answers[part] = describe_crash(error)
            continue
        answers[part] = np.asarray(found["probs"], dtype=np.float64)
    return answers


class _Encodings:
    """The rows as each block encodes them, once however many candidates share the block."""

    def __init__(self, inputs: Inputs, spec: InputSpec) -> None:
        self.inputs, self.spec = inputs, spec
        # The block is kept beside its matrix, so that its identity is not given to another one.
        self._held: dict[int, tuple[Block, Encoded]] = {}

    def without(self, column: str) -> _Encodings:
        """The same rows without a feature column; nothing is shared, since every block is another one."""
        return _Encodings(without_column(self.inputs, self.spec, column), self.spec)

    def logits(self, stage: Stage) -> NDArray[np.float64]:
        """`(n, k)`."""
        encoded = [self._encode(block) for block in stage.blocks]
        return stage.head.logits(encoded, self.inputs.n)

    def _encode(self, block: Block) -> Encoded:
        if id(block) not in self._held:
            self._held[id(block)] = (block, block.encode(self.inputs))
        return self._held[id(block)][1]


def _answer(make: MakeAblated, encodings: _Encodings) -> Arrays:
    made = make()
    if made.column is not None:
        encodings = encodings.without(made.column)
    first, *others = (encodings.logits(stage) for stage in made.stages)
    further = (lambda chosen: [logits[chosen] for logits in others]) if others else None
    return {"probs": decode(made.decoder, first, further).probs}


def _parts_of(rungs: Iterable[LinearRung], workshop: Workshop) -> Mapping[str, frozenset[str]]:
    """Each part that leaves every stage with a block, and the kinds of block that it is."""
    kinds = [[block.name for block in rung.recipe(workshop).blocks] for rung in rungs]
    found = dict.fromkeys(kind for stage in kinds for kind in stage)
    return {
        _PART_OF_BLOCK.get(kind, kind): frozenset({kind})
        for kind in found
        if all(set(stage) != {kind} for stage in kinds)
    }


def _columns_of(needs: frozenset[Need], workshop: Workshop) -> tuple[str, ...]:
    """Feature columns worth a training each: a rung of features alone, a few columns, one to be left."""
    columns = (*workshop.spec.numbers, *workshop.spec.categories)
    return columns if needs == {"features"} and 1 < len(columns) <= MOST_COLUMNS else ()


def _smaller(rung: LinearRung, kinds: frozenset[str], workshop: Workshop) -> LinearRecipe:
    """The rung's recipe without its blocks of some kinds; the recipe itself where it has none of them."""
    recipe = rung.recipe(workshop)
    kept = [place for place, block in enumerate(recipe.blocks) if block.name not in kinds]
    if len(kept) == len(recipe.blocks):
        return recipe
    return replace(
        recipe,
        name=f"{recipe.name}-without-{'-'.join(sorted(kinds))}",
        blocks=tuple(recipe.blocks[place] for place in kept),
        encoded=tuple(recipe.encoded[place] for place in kept),
    )


def _without_block(
    rung: LinearRung, kinds: frozenset[str], workshop: Workshop, decoder: Decoder, *, refit_scale: bool
) -> Ablated:
    recipe = _smaller(rung, kinds, workshop)
    if workshop.task != "multiclass":
        # Each label's calibration and threshold go with the logits that they were fitted to.
        decoder = TASKS[workshop.task].decoder((_logits_of_held_rows(recipe),), workshop)
    elif refit_scale:
        held = _held_fold(workshop)
        decoder = Decoder(fit_scale(_held_logits(recipe, held), workshop.labels[held]))
    return Ablated((recipe.stage(),), decoder)


def _without_column(rung: str, column: str, workshop: Workshop, decoder: Decoder) -> Ablated:
    fewer = workshop_without(workshop, column)
    return Ablated(find_rung(rung).stages(fewer), decoder, column)


def _cascade_without_block(
    both: tuple[LinearRung, LinearRung], kinds: frozenset[str], workshop: Workshop, decoder: Decoder
) -> Ablated:
    recipes = [_smaller(rung, kinds, workshop) for rung in both]
    held = _held_fold(workshop)
    first, second = (_held_logits(recipe, held) for recipe in recipes)
    labels = workshop.labels[held]
    refitted = Decoder(fit_scale(first, labels), decoder.threshold, fit_mix((first, second), labels))
    return Ablated(tuple(recipe.stage() for recipe in recipes), refitted)


def _first_stage_alone(cascade: Cascade, workshop: Workshop, decoder: Decoder) -> Ablated:
    return Ablated(cascade.first.stages(workshop), Decoder(decoder.scale))


def _second_stage_alone(cascade: Cascade, workshop: Workshop) -> Ablated:
    # Its logits out of fold were made for the cascade, and are remembered.
    (logits,) = cascade.second.out_of_fold(workshop)
    known = answered_rows([logits])
    scale = fit_scale(logits[known], workshop.labels[known])
    return Ablated(cascade.second.stages(workshop), Decoder(scale))


def _uncalibrated(rung: str, workshop: Workshop, decoder: Decoder) -> Ablated:
    """Logits as they come: neither scaled nor weighted; a cascade escalates at the same threshold."""
    stages = find_rung(rung).stages(workshop)
    mix = None if decoder.mix is None else (1.0, 1.0)
    return Ablated(stages, Decoder(1.0, decoder.threshold, mix))


def _held_fold(workshop: Workshop) -> NDArray[np.bool_]:
    held: NDArray[np.bool_] = workshop.folds == workshop.folds.min()
    return held


def _held_logits(recipe: LinearRecipe, held: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Logits of the held rows by a head fitted on the others; what a climb made is remembered there."""
    work = recipe.workshop
    fold = int(work.folds[held][0])
    found = work.memory.recall(
        f"{recipe.name}/{work.name}-fold{fold}", partial(_fit_without_fold, recipe, held)
    )
    return np.asarray(found["logits"], dtype=np.float64)


def _logits_of_held_rows(recipe: LinearRecipe) -> NDArray[np.float64]:
    """`(n, k)`, NaN outside the fold that is held out."""
    work = recipe.workshop
    held = _held_fold(work)
    logits = np.full((len(held), len(work.classes)), np.nan)
    logits[held] = _held_logits(recipe, held)
    return logits


def _fit_without_fold(recipe: LinearRecipe, held: NDArray[np.bool_]) -> Arrays:
    work = recipe.workshop
    weights = recipe.fit_head(recipe.matrix[~held], work.labels[~held])
    return {"logits": linear_logits(recipe.matrix[held], weights)}
