"""The house rules of the source, held to on disk: names, sizes, imports, plug-ins, the tree."""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "smallcraft"
MODULES = sorted(SOURCE.rglob("*.py"))
# Compiled functions know no keyword-only parameters.
KERNELS = SOURCE / "stats" / "kernels"

LARGEST_FUNCTION = 60
LARGEST_MODULE = 400
MOST_POSITIONAL = 5
JUNK_DRAWERS = re.compile(r"(^|_)(utils?|commons?|helpers?|misc|base|managers?|stuff)$")

# Modules that need no test file of their own, each with the reason.
WITHOUT_TESTS = {
    "contracts.py": "Protocols only; each plug-in folder's contract test runs them",
}

# What takes a second to load and few commands need.
HEAVY = {"sklearn", "torch", "transformers", "lightgbm", "scipy.stats"}
# What a fresh interpreter must not have loaded after importing the left-hand module.
NOT_LOADED = {
    "smallcraft.bundle": {
        *("sklearn", "torch", "transformers", "polars", "lightgbm", "scipy", "pydantic", "onnx"),
        *("pandas", "rich", "typer", "altair", "jinja2", "smallcraft.models"),
    },
    "smallcraft.gates": HEAVY | {"smallcraft.models"},
    "smallcraft.registry": HEAVY | {"smallcraft.models"},
    "smallcraft.observe": HEAVY | {"smallcraft.models", "pydantic"},
    "smallcraft.label": HEAVY | {"smallcraft.models", "pydantic"},
    "smallcraft.serve": {
        *(*HEAVY, "smallcraft.models", "smallcraft.evaluate"),
        *("pandas", "polars", "pydantic", "onnx", "typer", "altair", "jinja2"),
    },
    "smallcraft.stats": HEAVY | {"smallcraft.models"},
}

PLUGIN_FOLDERS = {
    *("checks", "scores", "audits", "perturbations", "openers", "rules", "rungs", "detectors", "strategies"),
    *("formats", "remotes"),
}


def dotted(module: Path) -> str:
    parts = module.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def short(module: Path) -> str:
    return module.relative_to(SOURCE).as_posix()


def syntax_of(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"), filename=str(module))


def functions_in(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, the docstring left out."""
    total = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        total -= (first.end_lineno or first.lineno) - first.lineno + 1
    return total


def first_header_line(module: Path) -> str:
    header = ast.get_docstring(syntax_of(module))
    return header.splitlines()[0] if header else ""


def parent_package(module: Path) -> Path:
    """The `__init__.py` of the package that a module, or a package itself, stands in."""
    folder = module.parent.parent if module.name == "__init__.py" else module.parent
    return folder / "__init__.py"


# --- names and sizes -----------------------------------------------------------------


def test_every_module_opens_with_what_it_is():
    assert [short(module) for module in MODULES if not first_header_line(module)] == []


def test_every_folder_with_modules_is_a_package():
    folders = {module.parent for module in MODULES}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_no_name_is_a_junk_drawer():
    files = [*MODULES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
    names = {file.relative_to(ROOT) for file in files}
    junk = [
        str(name) for name in names if any(JUNK_DRAWERS.search(part) for part in name.with_suffix("").parts)
    ]
    assert junk == []


@pytest.mark.parametrize(
    ("name", "is_junk"),
    [
        ("utils", True),
        ("text_helpers", True),
        ("manager", True),
        ("database", False),
        ("base", True),
    ],
)
def test_junk_drawer_names_are_told_from_nouns(name, is_junk):
    assert bool(JUNK_DRAWERS.search(name)) is is_junk


def test_no_module_is_longer_than_the_end():
    lengths = {short(module): len(module.read_text("utf-8").splitlines()) for module in MODULES}
    assert {name: length for name, length in lengths.items() if length > LARGEST_MODULE} == {}


def test_no_function_is_longer_than_the_end():
    too_long = {
        f"{short(module)}:{function.name}": code_lines(function)
        for module in MODULES
        for function in functions_in(syntax_of(module))
        if code_lines(function) > LARGEST_FUNCTION
    }
    assert too_long == {}


def test_no_function_takes_more_positional_parameters_than_the_end():
    too_many = [
        f"{short(module)}:{function.name}"
        for module in MODULES
        if module.parent != KERNELS
        for function in functions_in(syntax_of(module))
        if len([a for a in function.args.posonlyargs + function.args.args if a.arg not in {"self", "cls"}])
        > MOST_POSITIONAL
    ]
    assert too_many == []


def test_no_module_imports_relatively():
    relative = [
        f"{short(module)}:{node.lineno}"
        for module in MODULES
        for node in ast.walk(syntax_of(module))
        if isinstance(node, ast.ImportFrom) and node.level > 0
    ]
    assert relative == []


def test_the_root_package_holds_its_header_and_version_only():
    body = syntax_of(SOURCE / "__init__.py").body
    assert [type(node) for node in body] == [ast.Expr, ast.Assign]


def test_every_name_in_all_exists():
    missing = [
        f"{dotted(module)}.{name}"
        for module in MODULES
        if "__all__" in module.read_text("utf-8")
        for name in getattr(importlib.import_module(dotted(module)), "__all__", ())
        if not hasattr(importlib.import_module(dotted(module)), name)
    ]
    assert missing == []


# --- imports in fresh interpreters ---------------------------------------------------

# The parent loads the other packages once and none of ours, so in each forked child all of ours is fresh.
IMPORT_EACH_ALONE = """
import os, sys, traceback, warnings
others, ours = (argument.split() for argument in sys.argv[1:])
for name in others:
    __import__(name)
assert not any(name.startswith("smallcraft") for name in sys.modules)
failed = []
for name in ours:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fork beside the threads of others; the child uses none
        child = os.fork()
    if child == 0:
        warnings.simplefilter("error")
        try:
            __import__(name)
        except BaseException:
            print("--- first import of", name, file=sys.stderr)
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        failed.append(name)
print(" ".join(failed))
sys.exit(bool(failed))
"""

LIST_LOADED = "import sys, {module}; print(chr(10).join(sys.modules))"


def run_fresh(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(SOURCE.parent)},
    )


def other_packages(modules: Sequence[Path]) -> set[str]:
    """What modules of ours import from elsewhere as they are loaded."""
    found: set[str] = set()
    for node in (node for module in modules for node in syntax_of(module).body):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return {name for name in found if name.partition(".")[0] not in {"smallcraft", "__future__"}}


def assert_each_can_be_first(modules: Sequence[Path], *, others: Sequence[Path]) -> None:
    """Each of some modules, copied from a process that has loaded what others import from elsewhere."""
    ours = [dotted(module) for module in modules if module.name != "__main__.py"]
    result = run_fresh(IMPORT_EACH_ALONE, " ".join(sorted(other_packages(others))), " ".join(ours))
    assert result.returncode == 0, f"cannot be imported first: {result.stdout}\n{result.stderr}"


@cache
def loads_of(module: Path) -> frozenset[Path]:
    """Modules of ours that are loaded before a module is: what it imports, and the packages around those."""
    names = {dotted(module)}
    for node in syntax_of(module).body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    parts = [name.split(".") for name in names]
    around = {".".join(words[: place + 1]) for words in parts for place in range(len(words))}
    return frozenset(found for found in map(BY_NAME.get, around) if found is not None and found != module)


BY_NAME = {dotted(module): module for module in MODULES}
TRAINING = SOURCE / "models" / "tuning"


def all_loads_of(module: Path) -> set[Path]:
    """What is loaded before a module is, and before that, and so on."""
    seen: set[Path] = set()
    waiting = [*loads_of(module)]
    while waiting:
        other = waiting.pop()
        if other not in seen:
            seen.add(other)
            waiting += loads_of(other)
    return seen


def tried_alone() -> list[Path]:
    """Modules that come to load themselves; every other one loads only what can be loaded first.

    A package around a module is always loaded before it: where that package comes to load the module, whoever
    imports the module first has imported the package first, so trying the package is trying both.
    """
    circles = [module for module in MODULES if module in all_loads_of(module)]

    def comes_with_its_package(module: Path) -> bool:
        around = {parent / "__init__.py" for parent in module.parents if SOURCE in parent.parents}
        return any(module in all_loads_of(package) for package in around & set(circles) - {module})

    return [module for module in circles if not comes_with_its_package(module)]


@pytest.mark.slow
def test_each_module_can_be_the_first_import_of_a_fresh_interpreter():
    """Where no import comes back to its module, any order works; the others are really imported first."""
    light = [module for module in MODULES if TRAINING not in module.parents]
    assert_each_can_be_first([module for module in tried_alone() if module in light], others=light)


@pytest.mark.slow
@pytest.mark.torch
def test_each_module_that_trains_can_be_the_first_import_of_a_fresh_interpreter():
    """Apart: a process that has loaded torch is slow to copy, and without the extra [train] there is none."""
    training = [module for module in MODULES if TRAINING in module.parents]
    assert_each_can_be_first(training, others=training)


@pytest.mark.parametrize("module", sorted(NOT_LOADED))
def test_what_serves_keeps_and_judges_loads_no_training_code(module):
    if not SOURCE.joinpath(*module.split(".")[1:], "__init__.py").is_file():
        pytest.skip(f"{module} is not part of this version")
    submodules = [dotted(path) for path in MODULES if dotted(path).startswith(module)]
    result = run_fresh(LIST_LOADED.format(module=", ".join(submodules)))
    assert result.returncode == 0, result.stderr
    loaded = set(result.stdout.split())
    assert module in loaded
    assert loaded & NOT_LOADED[module] == set()


# --- plug-in folders -----------------------------------------------------------------


def builtin_table(package: Path) -> ast.expr | None:
    """The value that a package's `__init__.py` gives to BUILTIN."""
    for node in syntax_of(package).body:
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "BUILTIN":
            return node.value
        if isinstance(node, ast.Assign) and any(getattr(t, "id", "") == "BUILTIN" for t in node.targets):
            return node.value
    return None


def is_plugin_folder(package: Path) -> bool:
    return package.parent.name in PLUGIN_FOLDERS or builtin_table(package) is not None


PLUGIN_PACKAGES = [m for m in MODULES if m.name == "__init__.py" and is_plugin_folder(m)]


@pytest.mark.parametrize("package", PLUGIN_PACKAGES, ids=dotted)
def test_a_plugin_folder_lists_its_implementations_in_one_typed_literal_table(package):
    table = builtin_table(package)
    assert isinstance(table, ast.Dict), "BUILTIN must be a dict written out in __init__.py"
    assert all(isinstance(key, ast.Constant) and isinstance(key.value, str) for key in table.keys)
    annotated = [node for node in syntax_of(package).body if isinstance(node, ast.AnnAssign)]
    assert any(getattr(node.target, "id", "") == "BUILTIN" for node in annotated), "BUILTIN is untyped"


@pytest.mark.parametrize("package", PLUGIN_PACKAGES, ids=dotted)
def test_a_plugin_is_listed_under_its_own_name_and_stands_in_a_file_of_that_name(package):
    table = importlib.import_module(dotted(package)).BUILTIN
    own_names = {key: name_of_plugin(plugin) for key, plugin in table.items()}
    assert own_names == {key: key for key in table}
    files = {file.stem for file in package.parent.glob("*.py")}
    assert set(table) - files == set()


@pytest.mark.parametrize("package", PLUGIN_PACKAGES, ids=dotted)
def test_a_file_in_a_plugin_folder_is_listed_or_serves_one_that_is(package):
    listed = set(importlib.import_module(dotted(package)).BUILTIN)
    files = {file.stem: file for file in package.parent.glob("*.py") if file != package}
    served = {
        node.module.rpartition(".")[2]
        for stem, file in files.items()
        if stem in listed
        for node in ast.walk(syntax_of(file))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(dotted(package) + ".")
    }
    served |= names_of_contract(package)
    assert set(files) - listed - served == set()


def names_of_contract(package: Path) -> set[str]:
    """Files of the folder that its `__init__.py` reads a Protocol from."""
    return {
        file.stem
        for file in package.parent.glob("*.py")
        if any(
            getattr(parent, "id", getattr(getattr(parent, "value", None), "id", "")) == "Protocol"
            for node in syntax_of(file).body
            if isinstance(node, ast.ClassDef)
            for parent in node.bases
        )
    }


def name_of_plugin(plugin: object) -> object:
    """Its class's or instance's `name`; for a factory, that of the class it belongs to or makes."""
    owner = getattr(plugin, "__self__", plugin)
    name = getattr(owner, "name", None)
    if not isinstance(name, str) and callable(owner):
        name = owner().name
    return name


# --- tests mirror the source ---------------------------------------------------------


def places_for_tests_of(module: Path) -> list[Path]:
    """Where a module's tests may stand: its mirror, or for a plug-in its folder's contract test."""
    inside = module.relative_to(SOURCE)
    tests = ROOT / "tests"
    places = [tests / inside.parent / f"test_{module.stem}.py"]
    if (module.parent / "__init__.py") in PLUGIN_PACKAGES:
        folder = inside.parent
        places += [
            tests / folder.parent / f"test_{folder.name}.py",
            tests / folder / f"test_{folder.name}.py",
            tests / "contracts" / f"test_{folder.name}.py",
        ]
    return places


def test_every_module_has_its_tests_where_one_looks_for_them():
    untested = [
        short(module)
        for module in MODULES
        if module.name not in {"__init__.py", "__main__.py"}
        and short(module) not in WITHOUT_TESTS
        and not any(place.is_file() for place in places_for_tests_of(module))
    ]
    assert untested == []


def test_the_list_of_modules_without_tests_is_not_stale():
    assert [name for name in WITHOUT_TESTS if not (SOURCE / name).is_file()] == []


# --- the tree in the README ----------------------------------------------------------

TREE_BLOCK = re.compile(r"(<!-- tree -->\n```text tree\n)(.*?)(```\n<!-- /tree -->)", re.DOTALL)


def render_tree() -> str:
    """The source tree, a line a package or top module with the first line of its header."""
    rows: list[tuple[str, str]] = [("src/smallcraft/", first_header_line(SOURCE / "__init__.py"))]
    rows += list(tree_rows(SOURCE, depth=1))
    width = max(len(name) for name, _ in rows) + 2
    return "".join(f"{name:<{width}}{header}".rstrip() + "\n" for name, header in rows)


def tree_rows(folder: Path, *, depth: int) -> Iterator[tuple[str, str]]:
    """Modules of the root first, then packages, each by name; a reader looks for rooms, not for chairs."""
    indent = "  " * depth
    for module in sorted(folder.glob("*.py")) if depth == 1 else ():
        if module.name != "__init__.py":
            yield f"{indent}{module.name}", first_header_line(module)
    for package in sorted(folder.glob("*/__init__.py")):
        yield f"{indent}{package.parent.name}/", first_header_line(package)
        yield from tree_rows(package.parent, depth=depth + 1)


def test_the_tree_in_the_readme_equals_the_disk(update_goldens):
    readme = ROOT / "README.md"
    assert readme.is_file(), "README.md is missing"
    text = readme.read_text("utf-8")
    found = TREE_BLOCK.search(text)
    assert found, "README.md needs <!-- tree -->, a fenced block ```text tree```, <!-- /tree -->"
    if update_goldens:
        readme.write_text(text[: found.start(2)] + render_tree() + text[found.end(2) :], "utf-8")
        return
    assert found.group(2) == render_tree(), "run `make goldens` to write the tree anew"
