"""What is installed and what is missing; whether a bundle answers here as it did where it was made."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from smallcraft.bundle.runtime import open_bundle
from smallcraft.bundle.selfcheck import run_selfcheck
from smallcraft.errors import SmallcraftError
from smallcraft.models.backbone import find_backbone

_CORE = ("numpy", "scipy", "polars", "scikit-learn", "lightgbm", "onnx", "onnxruntime", "tokenizers")
_EXTRAS = {
    "huggingface-hub": ("backbones named `hub:...`", "pip install 'smallcraft[hub]'"),
    "torch": ("the reference for the encoder's graph in tests", "pip install torch==2.13.0"),
}
# Ranges of INT8 round a little differently on each processor; fewer rows than this is another model.
_AGREEING_SHARE = 0.97


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at.

    Attributes:
        subject: What.
        is_fine: True when it works.
        is_required: Whether smallcraft needs it.
        detail: Version, or what is wrong and what would mend it.
    """

    subject: str
    is_fine: bool
    is_required: bool
    detail: str


def diagnose_machine() -> tuple[Diagnosis, ...]:
    """Python, packages, and the backbone."""
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    python = Diagnosis("python", supported, is_required=True, detail=platform.python_version())
    return (
        python,
        *(_diagnose_package(name) for name in _CORE),
        _diagnose_backbone(),
        *(_diagnose_extra(name) for name in _EXTRAS),
    )


def diagnose_bundle(path: Path) -> tuple[Diagnosis, ...]:
    """Open a bundle, check its files, and ask it its golden rows."""
    bundle = open_bundle(path)
    found = run_selfcheck(bundle)
    return (
        Diagnosis("files", True, is_required=True, detail=f"{len(bundle.description['files'])} as recorded"),
        Diagnosis(
            "answers",
            found.agreeing >= _AGREEING_SHARE * found.rows,
            is_required=True,
            detail=f"{found.agreeing} of {found.rows} golden rows get the same label, "
            f"largest difference of a probability {found.largest_difference:.2g}",
        ),
    )


def _diagnose_package(name: str) -> Diagnosis:
    try:
        return Diagnosis(name, True, is_required=True, detail=version(name))
    except PackageNotFoundError:
        return Diagnosis(name, False, is_required=True, detail=f"not installed; run `pip install {name}`")


def _diagnose_backbone() -> Diagnosis:
    try:
        backbone = find_backbone("auto")
    except SmallcraftError as error:
        return Diagnosis("backbone", False, is_required=False, detail=str(error))
    return Diagnosis("backbone", True, is_required=False, detail=backbone.name)


def _diagnose_extra(name: str) -> Diagnosis:
    purpose, command = _EXTRAS[name]
    try:
        return Diagnosis(name, True, is_required=False, detail=version(name))
    except PackageNotFoundError:
        return Diagnosis(name, False, is_required=False, detail=f"not installed; for {purpose}: `{command}`")
