"""onnxruntime on the processor: the runtime that bundles are measured with.

INT8 weights are signed. A processor with AVX2 or AVX-512 and without VNNI adds their products in pairs of 16
bits, which overflow silently; whether this one does is tried once, and where it does onnxruntime is told to
take its slower, exact way.

Always: one thread; whole numbers are added exactly on every processor; the weights are the bytes given, no
file is opened. In one process, equal bytes that are in use already are not opened again: a session holds no
state, and opening one takes up to a second.
"""

from __future__ import annotations

import hashlib
import os
import weakref
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from smallcraft.bundle.runtimes.runtime import Session
from smallcraft.errors import BundleFormatError, MissingPartError

if TYPE_CHECKING:
    import onnxruntime

# A graph of one operator, a (1, 4) uint8 times four signed weights of 127: the largest sum of two products.
_PROBE = bytes.fromhex(
    "08093a580a180a01610a0162120179220d4d61744d756c496e74656765721201672a0f0804080110034201624a047f7f7f7f5a13"
    "0a0161120e0a0c080212080a0208010a02080462130a0179120e0a0c080612080a0208010a02080142040a001011"
)
_LARGEST = 255
_PROBE_SUM = 4 * _LARGEST * 127
_SLOWER_AND_EXACT = ("session.x64quantprecision", "1")
# Sessions that somebody holds, by the digest of what they were opened from.
_OPEN: weakref.WeakValueDictionary[bytes, onnxruntime.InferenceSession] = weakref.WeakValueDictionary()


class OnnxRuntime:
    """Imported at the first graph: a bundle without one needs no onnxruntime."""

    name: ClassVar[str] = "onnxruntime"

    def open(self, model: bytes, weights: Mapping[str, bytes]) -> Session:
        """An `InferenceSession`; the one that is in use already, where the bytes are the same."""
        digest = _digest_of(model, weights)
        session = _OPEN.get(digest)
        if session is None:
            session = _OPEN[digest] = open_session(model, weights)
        shared: Session = session
        return shared


def _digest_of(model: bytes, weights: Mapping[str, bytes]) -> bytes:
    digest = hashlib.sha256(hashlib.sha256(model).digest())
    for name in sorted(weights):
        digest.update(hashlib.sha256(name.encode()).digest() + hashlib.sha256(weights[name]).digest())
    return digest.digest()


def open_session(model: bytes, weights: Mapping[str, bytes]) -> onnxruntime.InferenceSession:
    """An onnxruntime session on one thread, from bytes that were already checked.

    Args:
        model: The graph.
        weights: External weight files by the name the graph calls them.

    Raises:
        BundleFormatError: The installed onnxruntime cannot run the graph.
        MissingPartError: There is none.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise MissingPartError(
            "this bundle runs a graph, and onnxruntime is not installed; `pip install onnxruntime` adds it"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Weights that were not given are to be nowhere; versions differ in whether they look for them.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
    if not adds_exactly():
        options.add_session_config_entry(*_SLOWER_AND_EXACT)
    if weights:
        options.add_external_initializers_from_files_in_memory(
            list(weights), list(weights.values()), [len(data) for data in weights.values()]
        )
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no narrower class
        raise BundleFormatError(
            f"onnxruntime {onnxruntime.__version__} cannot open the bundle's graph ({error}); "
            "update onnxruntime, or take the bundle from the registry again"
        ) from error


@cache
def adds_exactly() -> bool:
    """Whether onnxruntime adds products with signed weights without overflow on this processor."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    probe = onnxruntime.InferenceSession(_PROBE, options, providers=["CPUExecutionProvider"])
    [sums] = probe.run(None, {"a": np.full((1, 4), _LARGEST, dtype=np.uint8)})
    return bool(sums[0, 0] == _PROBE_SUM)
