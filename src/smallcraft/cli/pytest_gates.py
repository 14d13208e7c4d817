"""Verdicts as test items: `pytest --smallcraft-gates gates.json`, from what `smallcraft gate` wrote.

A pytest plug-in that does nothing unless it is asked to; it needs pytest and the standard library only, so
that a run which does not use it loads nothing else. Each verdict is an item `gate::metric::slice`: PASS
passes, FAIL fails with its reason, UNDECIDED fails where it blocks and is skipped where it does not.
Always: a file that is missing or not ours ends the run with one usage error, before any test.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

OPTION = "--smallcraft-gates"
FORMAT = "smallcraft-gate/1"
_KEYS = {"gate", "measurement", "slice", "outcome", "reason", "needs", "blocks"}
_OUTCOMES = {"PASS", "FAIL", "UNDECIDED"}
_Path = pytest.StashKey[Path]()


class GateFailedError(Exception):
    """A verdict that blocks; its text is all there is to say."""


class GateFile(pytest.File):
    """The file of verdicts."""

    def collect(self) -> Iterator[GateItem]:
        """An item a verdict, in the file's order."""
        for verdict in read_verdicts(self.path):
            yield GateItem.from_parent(self, name=item_name(verdict), verdict=verdict)


class GateItem(pytest.Item):
    """One verdict."""

    def __init__(self, *, verdict: Mapping[str, Any], **told: Any) -> None:  # noqa: ANN401 - pytest's own
        super().__init__(**told)
        self.verdict = verdict

    def runtest(self) -> None:
        """Pass, fail or skip, as it says."""
        told = self.verdict["reason"]
        if self.verdict["needs"]:
            told += f"; would settle it: {self.verdict['needs']}"
        if self.verdict["blocks"]:
            raise GateFailedError(f"{self.verdict['outcome']}: {told}")
        if self.verdict["outcome"] != "PASS":
            pytest.skip(f"{self.verdict['outcome']}: {told}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ANN401
        """The reason alone: there is no code to show."""
        if isinstance(excinfo.value, GateFailedError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where reports say it comes from."""
        return self.path, None, self.name


def pytest_addoption(parser: pytest.Parser) -> None:
    """The one option."""
    parser.getgroup("smallcraft").addoption(
        OPTION,
        metavar="FILE",
        default=None,
        help="make each verdict in FILE, written by `smallcraft gate --output-json FILE`, a test",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Check the file, and add it to what is collected."""
    given = config.getoption(OPTION)
    if given is None:
        return
    path = Path(config.invocation_params.dir, given).resolve()
    read_verdicts(path)
    config.stash[_Path] = path
    if str(path) not in config.args:
        config.args.append(str(path))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> GateFile | None:
    """Collect that file, and no other."""
    if parent.config.stash.get(_Path, None) != file_path:
        return None
    file: GateFile = GateFile.from_parent(parent, path=file_path)
    return file


def read_verdicts(path: Path) -> list[Mapping[str, Any]]:
    """The verdicts in a file.

    Raises:
        pytest.UsageError: There is no such file, or it is not one of ours.
    """
    wanted = f"{OPTION} wants what `smallcraft gate --output-json FILE` wrote"
    try:
        told = json.loads(path.read_bytes())
    except OSError as error:
        raise pytest.UsageError(f"{wanted}, got {path}, which cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise pytest.UsageError(f"{wanted}, got {path}, which is not JSON") from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise pytest.UsageError(f"{wanted}, got {path}, whose format is not {FORMAT}")
    verdicts = told.get("verdicts")
    if not isinstance(verdicts, list) or not verdicts or not all(_is_verdict(one) for one in verdicts):
        raise pytest.UsageError(f"{wanted}, got {path}, whose verdicts are none; write it again")
    return verdicts


def item_name(verdict: Mapping[str, Any]) -> str:
    """`gate::metric::slice`, on one line."""
    parts = (verdict["gate"], verdict["measurement"] or "-", verdict["slice"])
    return "::".join("".join(c if c.isprintable() else repr(c)[1:-1] for c in part) for part in parts)


def _is_verdict(told: object) -> bool:
    return (
        isinstance(told, dict)
        and told.keys() >= _KEYS
        and told["outcome"] in _OUTCOMES
        and isinstance(told["blocks"], bool)
        and all(isinstance(told[key], str) for key in ("gate", "measurement", "slice", "reason"))
    )
