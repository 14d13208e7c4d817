"""A release that takes part in a rollout: what people call it, and what it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NamedRelease:
    """A name and the bytes behind it.

    Attributes:
        label: As people say it, `helpdesk@3`.
        digest: Of its bundle.
    """

    label: str
    digest: str
