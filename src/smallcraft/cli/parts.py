"""Extras of the installation: a command that needs one says so before it begins, with what installs it.

Leaves to others: parts that only a certain input needs (a remote, a skops file); they say it as they open it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass

from smallcraft.errors import MissingPartError


@dataclass(frozen=True)
class Extra:
    """What `pip install 'smallcraft[<extra>]'` adds.

    Attributes:
        purpose: What needs it, as the beginning of a sentence.
        modules: What is imported of it.
    """

    purpose: str
    modules: tuple[str, ...]


EXTRAS: Mapping[str, Extra] = {
    "serve": Extra("serving", ("httptools", "orjson", "prometheus_client", "uvicorn", "xxhash", "yaml")),
    "dashboard": Extra("the dashboard", ("markdown_it", "starlette", "uvicorn")),
    "traces": Extra("tracing", ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")),
}


def require_extra(*names: str) -> None:
    """Refuse to go on without these extras.

    Args:
        names: Of `EXTRAS`.

    Raises:
        MissingPartError: Names what is missing and the command that installs it.
    """
    for name in names:
        for module in EXTRAS[name].modules:
            try:
                importlib.import_module(module)
            except ImportError as error:
                raise MissingPartError(
                    f"{EXTRAS[name].purpose} needs {error.name or module}, which is not installed; "
                    f"pip install 'smallcraft[{name}]'"
                ) from error
