"""Low-rank changes of an encoder (LoRA), read from an `.onnx_adapter` file and switched on for a run.

Leaves to others: how they are trained and written (`models.adapters`).
Always: the bytes that were checked are the ones used: onnxruntime maps a private copy, never the pack's file.
Not covered: other runtimes; adapters are onnxruntime's.

Source:
    Hu et al. (2021), LoRA: low-rank adaptation of large language models, section 4.1.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from smallcraft.bundle.runtimes.runtime import Session
from smallcraft.errors import BundleFormatError

if TYPE_CHECKING:
    import onnxruntime

# What the graph calls the two factors of a product's change: down to the rank, and up again.
DOWN, UP = ".down", ".up"


@dataclass(frozen=True)
class AdaptedSession:
    """A session that runs with an adapter switched on; the session itself stays as it is.

    Attributes:
        session: Of the graph with low-rank inputs.
        options: Names the adapter at each run.
        adapter: Kept for as long as the options name it.
    """

    session: Session
    options: onnxruntime.RunOptions
    adapter: onnxruntime.LoraAdapter

    def run(
        self, output_names: Sequence[str] | None, input_feed: Mapping[str, NDArray[Any]], /
    ) -> Sequence[NDArray[Any]]:
        """The outputs of the changed encoder."""
        run: Any = self.session.run  # onnxruntime's own has a third argument
        outputs: Sequence[NDArray[Any]] = run(output_names, input_feed, self.options)
        return outputs


def adapt_session(
    session: Session, data: bytes, places: Mapping[str, Sequence[int]], *, path: str
) -> AdaptedSession:
    """Switch an adapter on.

    Args:
        session: Of onnxruntime, over a graph with low-rank inputs.
        data: An `.onnx_adapter` file's bytes, already checked against their digest.
        places: For each product that may change its `[in, out]` widths.
        path: The file, for messages.

    Raises:
        BundleFormatError: The bytes are no adapter, or one for other products.
    """
    import onnxruntime

    adapter, options = onnxruntime.LoraAdapter(), onnxruntime.RunOptions()
    with _private_copy(data) as copy:
        try:
            shapes = {
                name: list(value.shape())
                for name, value in onnxruntime.AdapterFormat.read_adapter(copy).get_parameters().items()
            }
            adapter.Load(copy)
        except RuntimeError as error:
            raise BundleFormatError(
                f"{path} is no adapter that onnxruntime {onnxruntime.__version__} reads; write the pack again"
            ) from error
    _refuse_misfits(shapes, places, path)
    options.add_active_adapter(adapter)
    return AdaptedSession(session, options, adapter)


def _refuse_misfits(shapes: Mapping[str, list[int]], places: Mapping[str, Sequence[int]], path: str) -> None:
    """Each change needs both factors, of one rank and of its product's widths."""
    changed = {name.removesuffix(DOWN).removesuffix(UP) for name in shapes}
    for place in sorted(changed):
        down, up = shapes.get(f"{place}{DOWN}", []), shapes.get(f"{place}{UP}", [])
        rank = down[-1] if down else 0
        if place not in places or [down, up] != [[places[place][0], rank], [rank, places[place][1]]]:
            raise BundleFormatError(
                f"{path} changes '{place}' by factors of shapes {down} and {up}, the trunk has "
                f"{f'widths {list(places[place])} there' if place in places else 'no such product'}; "
                "write the pack for this trunk"
            )


@contextlib.contextmanager
def _private_copy(data: bytes) -> Iterator[str]:
    """A file of this process's own; it stays where the system does not let go of a mapped file."""
    with tempfile.NamedTemporaryFile(prefix="smallcraft-", suffix=".onnx_adapter", delete=False) as stream:
        stream.write(data)
    try:
        yield stream.name
    finally:
        with contextlib.suppress(PermissionError):
            Path(stream.name).unlink()
