"""What a worker serves, as JSON: in its first frame to a router, and in its report to the supervisor.

Always: what is read equals what was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from smallcraft.bundle.inputs import InputSpec
from smallcraft.errors import IntegrityError
from smallcraft.serve.questions import ModelFacts


def write_heads(heads: Mapping[str, ModelFacts]) -> dict[str, Any]:
    """Facts by head as plain values."""
    return {"heads": {head: asdict(facts) for head, facts in heads.items()}}


def read_heads(told: Mapping[str, Any]) -> dict[str, ModelFacts]:
    """Facts by head.

    Raises:
        IntegrityError: They are not what `write_heads` writes.
    """
    try:
        return {head: _facts(plain) for head, plain in told["heads"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(
            f"a worker tells its facts as `write_heads` does, got {error!r}; restart the server"
        ) from error


def _facts(plain: Mapping[str, Any]) -> ModelFacts:
    spec = plain["spec"]
    return ModelFacts(
        **{
            **plain,
            "spec": InputSpec(spec["text"], tuple(spec["numbers"]), tuple(spec["categories"])),
            "classes": tuple(plain["classes"]),
        }
    )
