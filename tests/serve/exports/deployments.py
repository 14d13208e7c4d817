"""A deployment to export, and its files read back."""

from __future__ import annotations

from typing import Any

import yaml

from smallcraft.serve.exports import BUILTIN
from smallcraft.serve.exports.export import Deployment


def deployment(**changes: Any) -> Deployment:
    settings = {
        "name": "helpdesk",
        "image": "registry.example.com/helpdesk:6",
        "stable": "helpdesk@3",
        "canary": "helpdesk@4",
        "rollout": "r1",
    }
    return Deployment(**(settings | changes))


def resources(export: str, file: str, **changes: Any) -> list[dict[str, Any]]:
    """The Kubernetes resources of one file."""
    files = {written.name: written.text for written in BUILTIN[export].write(deployment(**changes))}
    return list(yaml.safe_load_all(files[file]))
