"""What other systems publish of their own files as TypeScript (npm), and what its compiler says of ours."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.conftest import ROOT

PACKAGES = ROOT / ".bench/types/node_modules"


def why_no_types(*packages: str) -> str | None:
    absent = [name for name in (*packages, "typescript") if not (PACKAGES / name).is_dir()]
    if absent:
        return f"{' and '.join(absent)} not here; `make types` fetches them from npm"
    return None if shutil.which("node") else "node is not installed; apt-get install nodejs"


def type_errors(source: str, folder: Path) -> str:
    """What the compiler says of a program; nothing where it fits. `node_modules` stands beside it."""
    packages = folder / "node_modules"
    if not packages.exists():
        packages.symlink_to(PACKAGES)
    (folder / "ours.ts").write_text(source, encoding="utf-8")
    compiler = str(PACKAGES / "typescript/bin/tsc")
    options = [
        "--noEmit",
        "--strict",
        "--skipLibCheck",
        "--moduleResolution",
        "bundler",
        "--module",
        "esnext",
    ]
    return run_node([compiler, *options, "--target", "es2022", "ours.ts"], folder).stdout


def run_node(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["node", *words], cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
