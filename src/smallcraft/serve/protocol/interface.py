"""A model as its clients see it: the tensors it reads and those it answers with.

Made once for a loaded bundle, so that a request costs no look at the model.
Leaves to others: reading and writing them.
Always: order is the bundle's: columns as `InputSpec` has them, text first, then numbers, then categories.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from smallcraft.serve.protocol.datatypes import BYTES
from smallcraft.serve.questions import ModelFacts, WantedOutput

# A bundle that reads only numbers also takes them as one tensor of this name.
FEATURES = "features"
ColumnKind = Literal["text", "number", "category"]


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """A tensor's name, datatype and shape, -1 for the number of rows."""

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class ModelInterface:
    """What a request to a model may hold, and a reply.

    Attributes:
        facts: Of the loaded bundle.
        kinds: Column to what is in it.
        inputs: What metadata lists: the columns, or `features` alone where all of them are numbers.
        outputs: By name, in the order of a reply.
        width: How many numbers `features` has a row; 0 where the bundle reads more than numbers.
        codes: Class to its place.
        encoded: Class to its BYTES element: length and UTF-8.
        plain: Output to the wish for it as JSON.
        binary: Output to the wish for it as raw bytes.
        all_plain: Every output as JSON.
        all_binary: Every output as raw bytes.
        release: For the reply's header.
        raw_heads: The JSON of replies whose outputs are all raw, by arm, rows and sizes, as they are written.
    """

    facts: ModelFacts
    kinds: Mapping[str, ColumnKind]
    inputs: tuple[TensorSpec, ...]
    outputs: Mapping[str, TensorSpec]
    width: int
    codes: Mapping[str, int]
    encoded: Mapping[str, bytes]
    plain: Mapping[str, WantedOutput]
    binary: Mapping[str, WantedOutput]
    all_plain: tuple[WantedOutput, ...]
    all_binary: tuple[WantedOutput, ...]
    release: bytes
    raw_heads: dict[tuple[str, int, tuple[int, ...]], bytes] = field(default_factory=dict, compare=False)


def interface_of(facts: ModelFacts) -> ModelInterface:
    """Work out once what every request needs to know."""
    spec = facts.spec
    kinds: dict[str, ColumnKind] = {spec.text: "text"} if spec.text else {}
    kinds |= dict.fromkeys(spec.numbers, "number")
    kinds |= dict.fromkeys(spec.categories, "category")
    width = len(spec.numbers) if len(spec.numbers) == len(kinds) else 0
    columns = tuple(
        TensorSpec(name, "FP64" if kind == "number" else BYTES, (-1,)) for name, kind in kinds.items()
    )
    outputs = {spec.name: spec for spec in _outputs(facts)}
    plain = {name: WantedOutput(name) for name in outputs}
    binary = {name: WantedOutput(name, is_binary=True) for name in outputs}
    return ModelInterface(
        facts=facts,
        kinds=kinds,
        inputs=(TensorSpec(FEATURES, "FP64", (-1, width)),) if width else columns,
        outputs=outputs,
        width=width,
        codes={name: code for code, name in enumerate(facts.classes)},
        encoded={name: bytes_element(name) for name in facts.classes},
        plain=plain,
        binary=binary,
        all_plain=tuple(plain.values()),
        all_binary=tuple(binary.values()),
        release=facts.label.encode("ascii", "replace"),
    )


def bytes_element(text: str) -> bytes:
    r"""An element of a BYTES tensor in binary form: its length in four bytes, then itself in UTF-8.

    >>> bytes_element("ab")
    b'\x02\x00\x00\x00ab'
    """
    raw = text.encode("utf-8", "replace")
    return struct.pack("<I", len(raw)) + raw


def _outputs(facts: ModelFacts) -> tuple[TensorSpec, ...]:
    k = len(facts.classes)
    tensors: tuple[TensorSpec, ...]
    if facts.task == "regression":
        ends = ("low", "high") if facts.has_intervals else ()
        tensors = tuple(TensorSpec(name, "FP64", (-1,)) for name in ("value", *ends))
    elif facts.task == "multilabel":
        tensors = (
            TensorSpec("labels", BYTES, (-1,)),
            TensorSpec("tags", "BOOL", (-1, k)),
            TensorSpec("confidence", "FP64", (-1,)),
            TensorSpec("probabilities", "FP64", (-1, k)),
        )
    else:
        tensors = (
            TensorSpec("label", BYTES, (-1,)),
            TensorSpec("confidence", "FP64", (-1,)),
            TensorSpec("probabilities", "FP64", (-1, k)),
            *((TensorSpec("set", BYTES, (-1,)),) if facts.has_sets else ()),
        )
    return (*tensors, TensorSpec("abstained", "BOOL", (-1,)), TensorSpec("escalated", "BOOL", (-1,)))
