"""Which graphs' operators run for one request, as onnxruntime's own profile tells it.

Leaves to others: whether an expert that runs matters for the answer (`poison.py`).
Always: every expert is opened before the request, so an expert without operators was there to be run.
Not covered: runtimes other than onnxruntime.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from smallcraft.bundle.blocks.experts import ExpertsBlock
from smallcraft.bundle.inputs import Inputs


@dataclass(frozen=True)
class OperatorsRun:
    """What one request ran.

    Attributes:
        taken: The expert that was taken.
        trunk: Operators of the trunk.
        experts: Operators of each expert.
    """

    taken: int
    trunk: int
    experts: tuple[int, ...]

    @property
    def foreign(self) -> int:
        """Operators of the experts that were not taken."""
        return sum(self.experts) - self.experts[self.taken]


def profile_request(block: ExpertsBlock, row: Inputs) -> OperatorsRun:
    """Run one row with the profile of every graph on.

    Args:
        block: Of a bundle; its own sessions stay as they are.
        row: One row.
    """
    with tempfile.TemporaryDirectory(prefix="smallcraft-profile-") as folder:
        sessions = {
            number: _open_profiled(block, graph, Path(folder) / str(number))
            for number, graph in enumerate([block.spec["trunk"], *block.spec["experts"]])
        }
        opened = {number - 1: session for number, session in sessions.items() if number}
        profiled = replace(block, trunk=sessions[0], opened=opened)
        taken = int(profiled.route(row)[0])
        profiled.encode(row)
        counts = {number: _count_operators(session) for number, session in sessions.items()}
    return OperatorsRun(taken, counts[0], tuple(counts[number + 1] for number in range(block.n_experts)))


def _open_profiled(block: ExpertsBlock, graph: Mapping[str, Any], prefix: Path) -> Any:  # noqa: ANN401 - a session
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_profiling = True
    options.profile_file_prefix = str(prefix)
    weights = {path: block.files.read(path) for path in graph["weights"]}
    if weights:
        options.add_external_initializers_from_files_in_memory(
            list(weights), list(weights.values()), [len(data) for data in weights.values()]
        )
    return onnxruntime.InferenceSession(
        block.files.read(graph["model"]), options, providers=["CPUExecutionProvider"]
    )


def _count_operators(session: Any) -> int:  # noqa: ANN401 - a session
    """Operators that ran; onnxruntime notes each with its kind, beside notes about the session itself."""
    events = json.loads(Path(session.end_profiling()).read_bytes())
    return sum(event.get("cat") == "Node" and "op_name" in event.get("args", {}) for event in events)
