"""The tuned encoder as a small cascade carries it: the mean of all its trainings, without needless pieces.

And the fast stage over the same pieces, so that both read one token table with one tokenizer.
Leaves to others: the encoder's trainings, which are those of `tuned`.
Always: texts of training are read exactly as by the whole vocabulary.
Not covered: its out-of-fold logits are those of single trainings, a little less right than the mean of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.blocks.block import Block
from smallcraft.bundle.layout import read_description
from smallcraft.bundle.stage import Stage
from smallcraft.contracts import Need
from smallcraft.models.averaging import average_encoders, average_heads
from smallcraft.models.encoders import EncoderSource
from smallcraft.models.exact import exact_static
from smallcraft.models.parts.encoder import make_encoder
from smallcraft.models.parts.linear import fit_margin, make_linear_head
from smallcraft.models.parts.pieces import prune_source
from smallcraft.models.parts.static import make_static
from smallcraft.models.parts.vocabulary import fit_ngrams
from smallcraft.models.recipe import LinearRecipe, LinearRung, quick_recipe, with_features
from smallcraft.models.rungs.fast import FAST
from smallcraft.models.rungs.tuned import TUNED
from smallcraft.models.tuning.rung import EncoderRung
from smallcraft.models.workshop import Workshop
from smallcraft.records import Task

LONGEST = 128
_POSITIONS = "embeddings.position_embeddings.weight"


@dataclass(frozen=True)
class Merged:
    """An encoder and its head, averaged.

    Attributes:
        source: The encoder.
        head: `(width + m + 1, k)` float64, the bias last.
    """

    source: EncoderSource
    head: NDArray[np.float64]


@dataclass(frozen=True)
class Lean:
    """Writes what another rung trained.

    Attributes:
        name: The stage's.
        tuned: Trains.
        vocabulary_margin: How many pieces stay beside those that the texts need.
    """

    name: str
    tuned: EncoderRung
    vocabulary_margin: int
    tasks: ClassVar[frozenset[Task]] = frozenset({"multiclass"})
    rounds: ClassVar[bool] = True

    @property
    def needs(self) -> frozenset[Need]:
        """Those of the rung that trains."""
        return self.tuned.needs

    @property
    def is_raced(self) -> bool:
        """As the rung that trains."""
        return self.tuned.is_raced

    @property
    def no_cheaper_than(self) -> str | None:
        """As the rung that trains: fewer pieces make no product smaller."""
        return self.tuned.no_cheaper_than

    def estimate_cpu_s(self, workshop: Workshop) -> float | None:
        """What the training takes."""
        return self.tuned.estimate_cpu_s(workshop)

    def out_of_fold(self, workshop: Workshop) -> tuple[NDArray[np.float64], ...]:
        """Those of the single trainings."""
        return self.tuned.out_of_fold(workshop)

    def stages(self, workshop: Workshop) -> tuple[Stage, ...]:
        """The one stage, in the workshop's form."""
        return (workshop.once(f"{self.name} stage", partial(self._stage, workshop)),)

    def merged(self, workshop: Workshop) -> Merged:
        """The mean of the training on every row and of those that left a fold out."""
        trainer = self.tuned.trainer(workshop)
        folds = np.unique(workshop.folds)[: self.tuned.plan.folds_trained]
        parts = [trainer.tuned(), *(trainer.tuned_without(int(fold)) for fold in folds)]
        source = cut_positions(average_encoders([part.source for part in parts]))
        pruned = prune_source(source, workshop.texts, margin=self.vocabulary_margin)
        return Merged(pruned, average_heads([part.head for part in parts]))

    def _stage(self, workshop: Workshop) -> Stage:
        merged = workshop.in_form("int8").once(f"{self.name} encoder", partial(self.merged, workshop))
        features = self.tuned.trainer(workshop).features
        encoder = make_encoder(workshop.files_of(merged.source, name=self.name))
        beside = () if features is None else (features,)
        widths = [(encoder.width, False), *((block.width, True) for block in beside)]
        return Stage(self.name, (encoder, *beside), make_linear_head(merged.head, widths, form=workshop.form))


def cut_positions(source: EncoderSource) -> EncoderSource:
    """The encoder without positions that no text reaches: encoder blocks cut texts to 128 tokens."""
    kept = source.weights[_POSITIONS][:LONGEST]
    config = {**source.config, "max_position_embeddings": len(kept)}
    return replace(source, weights={**source.weights, _POSITIONS: kept}, config=config)


def fast_over(name: str, margin: int) -> LinearRung:
    """The rung `fast` over the pieces that an encoder keeps, whose token table it shares in a bundle.

    Args:
        name: Of the encoder's stage; begins its files' names.
        margin: How many pieces it keeps beside those that the texts need.
    """
    return LinearRung(f"{name}-fast", FAST.needs, partial(_make_fast, name, margin))


def _make_fast(name: str, margin: int, workshop: Workshop) -> LinearRecipe:
    source = prune_source(workshop.backbone_source(), workshop.texts, margin=margin)
    files = workshop.files_of(source, name=name)
    static = replace(make_static(files), path=read_description(files.root)[0]["encoder"]["weights"][0])
    ngrams = fit_ngrams(static.tokenizer, [inputs for _, inputs in workshop.parts])
    blocks = with_features(workshop, [ngrams, static])

    def exact() -> tuple[Block, ...]:
        return (
            ngrams,
            exact_static(workshop.in_form("fp32").files_of(source, name=name), static),
            *blocks[2:],
        )

    return quick_recipe(f"{name}-fast", workshop, blocks, fit_margin, exact_blocks=exact)


# By held-out folds of banking77: fewer pieces split words of new texts, which costs an encoder far more than
# a mean of embeddings (docs/experiments.md).
MARGIN = 15_000
LEAN = Lean("lean", TUNED, MARGIN)
