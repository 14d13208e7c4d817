"""The modules that the bundle runtime consists of, found by following its imports.

Always: every module of `smallcraft.bundle`, and of the rest of the package what these import when they run;
an import for type checkers alone does not count.
Not covered: modules named in strings.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import smallcraft

_ROOT = Path(smallcraft.__file__).parent
_PACKAGE = "smallcraft"


def runtime_sources() -> Mapping[str, bytes]:
    """Path, such as `smallcraft/bundle/runtime.py`, to the module's bytes."""
    found: dict[Path, bytes] = {}
    waiting = sorted((_ROOT / "bundle").rglob("*.py"))
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found[path] = path.read_bytes()
        names = [name for name in imported_names(found[path]) if name.partition(".")[0] == _PACKAGE]
        waiting += [file for name in names for file in _files_of(name)]
    return {path.relative_to(_ROOT.parent).as_posix(): found[path] for path in sorted(found)}


def imported_names(source: bytes) -> set[str]:
    """Every module, and every name from one, that a source imports when it runs.

    >>> sorted(imported_names(b"import numpy.linalg; from json import loads"))
    ['json', 'json.loads', 'numpy.linalg']
    """
    found: set[str] = set()
    for node in _run_nodes(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _run_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those below `if TYPE_CHECKING`."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        for other in node.orelse:
            yield from _run_nodes(other)
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _run_nodes(child)


def _files_of(name: str) -> list[Path]:
    """The files that importing a dotted name runs; a name inside a module adds nothing to its module's."""
    files, folder = [_ROOT / "__init__.py"], _ROOT
    for part in name.split(".")[1:]:
        module, package = folder / f"{part}.py", folder / part / "__init__.py"
        if package.is_file():
            files.append(package)
        elif module.is_file():
            files.append(module)
        folder = folder / part
    return files
