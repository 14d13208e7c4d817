"""Which tensors of a bundle changed: every array in its files by name, shape, type and digest.

Arrays of `.npz` and `.safetensors` are told apart; any other file (a graph, raw weights, a tokenizer) is one
piece. Leaves to others: whether a file may be read at all (the registry), what the tensors do.
Always: what is listed depends on the arrays alone, not on their order in a file; reads each file once, and
none whose digest both sides share.
Not covered: single weights inside an ONNX graph or its raw weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError
from smallcraft.registry.memory.arrays import parse_array, read_members

Read = Callable[[str], bytes]
_PIECE = "file"


@dataclass(frozen=True)
class Tensor:
    """One array of a file.

    Attributes:
        file: Path of its file.
        name: Its name there; empty where the file is one piece.
        shape: Its shape; of a piece the number of bytes.
        dtype: Its type; `file` for a piece.
        digest: Of its bytes.
    """

    file: str
    name: str
    shape: tuple[int, ...]
    dtype: str
    digest: str

    @property
    def label(self) -> str:
        """`heads/ngram.npz:weights`, or the path alone."""
        return f"{self.file}:{self.name}" if self.name else self.file


@dataclass(frozen=True)
class TensorChanges:
    """How the tensors of two bundles differ; names in order.

    Attributes:
        changed: Of other shape, type or bytes than before.
        added: That were not there before.
        removed: That are not there now.
        same: How many are as they were; arrays in a file that did not change count as one.
    """

    changed: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    same: int


def list_tensors(path: str, data: bytes) -> tuple[Tensor, ...]:
    """The arrays of one file, by name.

    Raises:
        IntegrityError: An `.npz` or `.safetensors` that cannot be read without pickle.
    """
    if path.endswith(".npz"):
        return _npz_tensors(path, data)
    if path.endswith(".safetensors"):
        return _safetensors_tensors(path, data)
    return (_piece(path, len(data), digest_bytes(data)),)


def compare_tensors(
    before: Mapping[str, str], after: Mapping[str, str], read_before: Read, read_after: Read
) -> TensorChanges:
    """The tensors that changed between two bundles.

    Args:
        before: Path to digest of each file of the earlier bundle.
        after: Path to digest of each file of the later one.
        read_before: Gives an earlier file's bytes.
        read_after: Gives a later file's bytes.

    Raises:
        IntegrityError: A file holds anything but plain arrays.
    """
    same = {path for path in before if after.get(path) == before[path]}
    then = _tensors_of(before, same, read_before)
    now = _tensors_of(after, same, read_after)
    return TensorChanges(
        changed=tuple(sorted(name for name in then if name in now and then[name] != now[name])),
        added=tuple(sorted(set(now) - set(then))),
        removed=tuple(sorted(set(then) - set(now))),
        same=len(same) + sum(now.get(name) == tensor for name, tensor in then.items()),
    )


def _tensors_of(files: Mapping[str, str], but: set[str], read: Read) -> dict[str, Tensor]:
    tensors = [tensor for path in files if path not in but for tensor in list_tensors(path, read(path))]
    return {tensor.label: tensor for tensor in tensors}


def _npz_tensors(path: str, data: bytes) -> tuple[Tensor, ...]:
    tensors = []
    for name, member in sorted(read_members(data, what=path).items()):
        found = parse_array(member, what=f"{path}: {name}")
        dtype = f"{found.dtype} by columns" if found.is_fortran and len(found.shape) > 1 else found.dtype
        tensors.append(Tensor(path, name, found.shape, dtype, digest_bytes(found.data)))
    return tuple(tensors)


def _safetensors_tensors(path: str, data: bytes) -> tuple[Tensor, ...]:
    from safetensors import SafetensorError, deserialize

    try:
        found = deserialize(data)  # type: ignore[no-untyped-call]  # safetensors carries no types
    except SafetensorError as error:
        raise IntegrityError(
            f"{path} must hold plain tensors ({error}); do not use this model, "
            "take it from its registry again"
        ) from error
    return tuple(
        Tensor(path, name, tuple(info["shape"]), str(info["dtype"]), digest_bytes(bytes(info["data"])))
        for name, info in sorted(found)
    )


def _piece(path: str, size: int, digest: str) -> Tensor:
    return Tensor(path, "", (size,), _PIECE, digest)
