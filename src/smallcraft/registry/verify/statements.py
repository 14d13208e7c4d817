"""What releases say of themselves, checked: who signed them, and that deltas follow from the evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from smallcraft.errors import IntegrityError
from smallcraft.registry.composing import check_stored_decision, read_decision
from smallcraft.registry.opening import OpenLog
from smallcraft.registry.reading import Stored
from smallcraft.registry.signing import check_signature
from smallcraft.registry.verify.report import Step


def check_statements(log: OpenLog, stored: Sequence[Stored]) -> list[Step]:
    """Signatures, then decisions.

    Raises:
        IntegrityError: A release is not signed by the author its entry names, or says what its evidence
            does not give.
    """
    # (1) signatures
    for one in stored:
        check_signature(log, one)
    steps = [Step("signatures", "each release is signed by the author its entry names", len(stored))]
    # (2) decisions
    by_label = {one.entry.label: one for one in stored}
    told = [check_decision_of(one, by_label.get) for one in stored]
    detail = "every delta was computed again from the evidence of both releases"
    return [*steps, Step("decisions", detail, sum(told))]


def check_decision_of(stored: Stored, find: Callable[[str], Stored | None]) -> bool:
    """A release's decision is about it, follows a release that is there, and says what the evidence gives.

    Args:
        stored: The release.
        find: A release by its label; None where its bytes were erased.

    Returns:
        Whether it has a decision.

    Raises:
        IntegrityError: It does not say what it should.
    """
    decision, label = read_decision(stored), stored.entry.label
    if decision is None:
        return False
    if decision.release != label:
        raise IntegrityError(
            f"{label} carries the decision about {decision.release}: an old release was put in its place; do "
            "not serve it"
        )
    parents = [find(parent.release) for parent in decision.parents]
    for named, parent in zip(decision.parents, parents, strict=True):
        if parent is not None and parent.model.content.digest != named.manifest:
            raise IntegrityError(
                f"the decision of {label} follows {named.release} with manifest {named.manifest}, the log "
                f"has {parent.model.content.digest}; do not serve {label}"
            )
    # An erased parent's evidence is gone; what was said of it can be read, not computed again.
    if all(parent is not None for parent in parents):
        check_stored_decision(stored, parent=parents[0] if parents else None)
    return True
