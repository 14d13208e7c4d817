"""`[card]` of the project file: what only a person knows of the model and its data.

Always: its keys are those that the papers of a release ask for (`registry.papers.person`), no more and no
fewer; each one left out is printed as missing.
"""

from __future__ import annotations

from smallcraft.pipeline.sections import Section


class CardSection(Section):
    """What only a person knows; each one left out is printed on the card or the datasheet as missing."""

    owner: str | None = None
    contact: str | None = None
    license: str | None = None
    language: str | None = None
    intended_use: str | None = None
    intended_users: str | None = None
    out_of_scope: str | None = None
    factors: str | None = None
    collection: str | None = None
    consent: str | None = None
    ethical_considerations: str | None = None
    caveats: str | None = None
    purpose: str | None = None
    funding: str | None = None
    instances: str | None = None
    sampling: str | None = None
    collectors: str | None = None
    collection_period: str | None = None
    ethical_review: str | None = None
    labelling: str | None = None
    sensitive: str | None = None
    distribution: str | None = None
    maintenance: str | None = None
