"""What is asked of a model and what it says, whatever the protocol and wherever the model runs.

Always: a question was checked against the model's columns before a model sees it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.inputs import Inputs, InputSpec
from smallcraft.records import Decisions, Task

Arm = Literal["stable", "canary"]
ARMS: tuple[Arm, Arm] = ("stable", "canary")
# How a reply is put: tensors of the Open Inference Protocol, or plainly, one row or several.
Form = Literal["tensors", "row", "rows"]


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a router knows of a loaded bundle.

    Attributes:
        name: The model's, such as `helpdesk`.
        version: The release's number, as text.
        digest: Of the bundle.
        task: What it answers with.
        spec: The columns it reads.
        classes: Its labels, in the order of the probabilities.
        has_stages: Whether it is a cascade, whose rows may escalate.
        has_sets: Whether it answers with sets of labels too.
        has_intervals: Whether its numbers have intervals.
    """

    name: str
    version: str
    digest: str
    task: Task
    spec: InputSpec
    classes: tuple[str, ...]
    has_stages: bool
    has_sets: bool = False
    has_intervals: bool = False

    @property
    def label(self) -> str:
        """How people name it: `helpdesk@3`."""
        return f"{self.name}@{self.version}"


class Question(NamedTuple):
    """A request that was understood; a tuple, since a frozen dataclass costs a microsecond more a request.

    Attributes:
        inputs: Its `n` rows, as the bundle reads them.
        key: Who asks, so that they always meet the same arm; None draws an arm a request.
        head: Which head or task of a shared trunk; empty for the model's own.
        id: The client's name for the request; None when it gave none.
        outputs: Which outputs are wanted, in order; none means all.
        form: How the reply is put.
    """

    inputs: Inputs
    key: str | None = None
    head: str = ""
    id: str | None = None
    outputs: tuple[WantedOutput, ...] = ()
    form: Form = "tensors"


@dataclass(frozen=True, slots=True)
class WantedOutput:
    """An output that a client asked for.

    Attributes:
        name: Such as `label`.
        is_binary: Whether as raw bytes behind the JSON.
        top: With `label`: that many most probable classes in Open Inference Protocol's classification form;
            0 for the plain output.
    """

    name: str
    is_binary: bool = False
    top: int = 0


class Reply(NamedTuple):
    """What a model said to a question; a tuple, as `Question` is.

    Attributes:
        probs: `(n, k)` float64 in the order of the classes; of a regression `(n, 1)` values.
        decisions: What was decided from them.
        escalated: `(n,)` bool, True where further stages were asked.
        embedding: `(n, width)` float32 on the way to it, NaN in rows that no encoder was asked about; None
            where none is kept.
    """

    probs: NDArray[np.float64]
    decisions: Decisions
    escalated: NDArray[np.bool_]
    embedding: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is not answered.

    Attributes:
        status: HTTP's: 400, 404, 408, 413, 429, 503, ...
        message: Wanted, got, next step.
        headers: Beside the usual ones, such as `retry-after`.
    """

    status: int
    message: str
    headers: Mapping[str, str]
