"""Follows a guide as a reader would: commands in one folder, servers on a free port, Python in turn.

A console block's `$ ` lines are run; the lines below are what they print. Numbers, digests and paths may
differ from machine to machine, so digits are masked before lines are compared; `...` stands for any lines,
at the end of a line for the rest of it.
A `smallcraft serve ... &` runs until the guide ends, on a free port in place of 8080, wherever that stands;
`smallcraft dashboard &` likewise, in place of 8090.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import require, why_no_program

from smallcraft.cli.main import run
from smallcraft.pipeline.config import parse_config

BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SERVE = "import sys; from smallcraft.cli.main import run; sys.exit(run(sys.argv[1:]))"
_PORTS = {"serve": "8080", "dashboard": "8090"}
_END_S = 60.0


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    language: str
    text: str


@dataclass(frozen=True)
class Beginning:
    """What the first commands of many guides left behind, so that it need not be done for each of them.

    Attributes:
        folder: As they left it.
        keys: Of the user who ran them.
        printed: By command, in order.
    """

    folder: Path
    keys: Path
    printed: Mapping[str, str]


def blocks(path: Path) -> list[Block]:
    """The fenced blocks of a page."""
    return [Block(*match.groups()) for match in BLOCK.finditer(path.read_text(encoding="utf-8"))]


def masked(text: str) -> list[str]:
    """Lines without what differs from run to run: folders, hexadecimal digests, numbers, spacing."""
    text = re.sub(r"(?<= )/\S+/", "/", text)
    text = re.sub(r"[+-]?\b\d+\.\d+(?:e[+-]?\d+)?\b", "#", text)
    text = re.sub(r"\b[0-9a-f]{8,}\b", "#", text)
    text = re.sub(r"[+-]?\d[\d,.:TZ]*", "#", text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def commands(text: str) -> list[tuple[str, list[str]]]:
    """Each command of a console block, and the lines it is said to print."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found:
            found[-1][1].append(line)
    return found


def assert_printed(expected: list[str], printed: str, command: str) -> None:
    """Every line the document shows was printed, in that order."""
    lines = iter(masked(printed))
    for line in masked("\n".join(expected)):
        if line == "...":
            continue
        begins = line.removesuffix(" ...")
        assert any(other == line or (begins != line and other.startswith(begins)) for other in lines), (
            f"`{command}` did not print {line!r}:\n{printed}"
        )


def printed_by(arguments: list[str], *, wanted: int = 0) -> str:
    """What `smallcraft` prints, with the exit code that is wanted."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(arguments)
    assert code == wanted, f"smallcraft {shlex.join(arguments)}: {code}\n{out.getvalue()}\n{err.getvalue()}"
    return out.getvalue()


@dataclass
class Reader:
    """Somebody who follows one guide, in the present folder.

    Attributes:
        beginning: Of the guides that begin alike; where this one does, it is recalled.
        ports: By command, what stands where the guide says its usual port.
    """

    beginning: Beginning
    ports: Mapping[str, str] = field(default_factory=lambda: {name: str(_free_port()) for name in _PORTS})
    _recalls: bool = False
    _names: dict[str, object] = field(default_factory=dict)
    _servers: list[subprocess.Popen[str]] = field(default_factory=list)

    def follow(self, guide: Path) -> None:
        """Every block, as it stands."""
        begins = [command for block in blocks(guide)[:1] for command, _ in commands(block.text)]
        self._recalls = begins[: len(self.beginning.printed)] == [*self.beginning.printed]
        if self._recalls:
            shutil.copytree(self.beginning.folder, Path(), dirs_exist_ok=True)
        try:
            for block in blocks(guide):
                text = block.text
                for name, usual in _PORTS.items():
                    text = text.replace(usual, self.ports[name])
                if block.language == "console":
                    for command, expected in commands(text):
                        assert_printed(expected, self._run(command), command)
                elif block.language == "python":
                    self._recalls = False
                    exec(compile(text, str(guide), "exec"), self._names)
                elif block.language == "toml":
                    parse_config(text)
                else:
                    assert block.language == "text", f"nothing runs a block of {block.language}"
        finally:
            self._leave()

    def _run(self, command: str) -> str:
        program, *words = shlex.split(command)
        arguments = [found for word in words for found in _expanded(word)]
        if program == "cat":
            return Path(arguments[0]).read_text(encoding="utf-8")
        if program == "curl":
            require(why_no_program("curl", "curl"))
            return subprocess.run(
                [program, "-s", *arguments], check=True, capture_output=True, text=True
            ).stdout
        assert program == "smallcraft", command
        if arguments[-1] == "&":
            return self._serve(arguments[:-1])
        self._recalls = self._recalls and command in self.beginning.printed
        if self._recalls:
            return self.beginning.printed[command]
        wanted = 0
        if arguments[-2:-1] == ["#exit"]:
            wanted = int(arguments[-1])
            arguments = arguments[:-2]
        return printed_by(arguments, wanted=wanted)

    def _serve(self, arguments: list[str]) -> str:
        process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, *arguments, "--port", self.ports[arguments[0]]],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._servers.append(process)
        assert process.stdout is not None
        said = ""
        while "\nnext  " not in said:
            line = process.stdout.readline()
            assert line, f"the server ended: {said}"
            said += line
        return said

    def _leave(self) -> None:
        for process in self._servers:
            process.send_signal(signal.SIGINT)
            process.wait(_END_S)
            assert process.stdout is not None
            process.stdout.close()


def _expanded(word: str) -> list[str]:
    """As a shell does it: a word with a star is the paths that fit."""
    return sorted(map(str, Path().glob(word))) if "*" in word else [word]


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
