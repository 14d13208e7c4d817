"""What the model was trained and judged on, and what the sealed test set can still tell.

Leaves to others: the data's own paper (`papers.datasheet`).
"""

from __future__ import annotations

from collections.abc import Sequence

from smallcraft.registry.memory.evidence import Facts, list_of, map_of
from smallcraft.registry.papers.facts import BY_BUILD, bullet, carded, in_data, is_number, missing, said
from smallcraft.registry.papers.markdown import escape, show, table
from smallcraft.registry.papers.measured import check_of


def evaluation_data(facts: Facts) -> list[str]:
    """The splits that chose and confirmed, and how they were made."""
    return [
        bullet("source", in_data(facts, "source", "the data's source")),
        *_splits(
            facts, {"dev": "to choose between candidates", "cert": "sealed; asked once the choice was made"}
        ),
        *_notes(facts),
    ]


def sealed_test_set(facts: Facts) -> list[str]:
    """What was asked of it, what that cost, and what it can still tell: the bound of its ledger."""
    cert = map_of(facts, "cert")
    if not cert:
        return [missing("the ledger of the sealed test set", BY_BUILD)]
    lines = [
        bullet("rows", said(cert, "rows", "its size", BY_BUILD)),
        bullet("answers given so far", _with_bits(cert)),
        bullet("pre-registrations under which it was asked", show(cert.get("registrations"))),
        bullet("bound", _bound(cert)),
        bullet("what it can still tell", _left(cert, facts)),
    ]
    if cert.get("told"):
        lines.append(bullet("what it told", show(cert["told"])))
    if cert.get("clock"):
        lines.append(bullet("clock", show(cert["clock"])))
    return [*lines, bullet("head of its ledger", said(cert, "ledger_head", "the ledger's head", BY_BUILD))]


def _with_bits(cert: Facts) -> str:
    bits = cert.get("bits")
    return show(cert.get("queries")) + (f", which revealed {show(bits)} bits" if is_number(bits) else "")


def _bound(cert: Facts) -> str:
    bound = cert.get("bound")
    if not is_number(bound) and cert.get("measurements"):
        return "none: it is of averages between 0 and 1, and errors of numbers have no upper end"
    if not is_number(bound):
        return "nothing was answered, so there is none"
    return f"no answer it gave is further than {show(bound)} from the truth, after all that was asked"


def _left(cert: Facts, facts: Facts) -> str:
    """From the plan where there is one, else from the bound beside the margin it must resolve."""
    plan, bound, margin = map_of(cert, "plan"), cert.get("bound"), facts.get("margin")
    if plan:
        asked, allowed = plan.get("question"), plan.get("questions")
        return f"pass or not shown, and no score; question {show(asked)} of {show(allowed)} is spent"
    if cert.get("wear"):
        return show(cert["wear"])
    if isinstance(bound, int | float) and isinstance(margin, int | float):
        return f"differences of {show(2 * bound)} and more; the margin is {show(margin)}"
    return "not known"


def training_data(facts: Facts) -> list[str]:
    """Where it came from, under what terms, and what the checks found in it."""
    return [
        bullet("source", in_data(facts, "source", "the data's source")),
        bullet("license", in_data(facts, "license", "the data's license")),
        bullet("digest", said(map_of(facts, "data"), "digest", "the data's digest", BY_BUILD)),
        *_splits(facts, {"train": "to fit"}),
        *class_sizes(facts),
        bullet("collection", carded(facts, "collection")),
        bullet("consent", carded(facts, "consent")),
        *quality_index(facts),
        *check_table(facts),
        "",
        "The datasheet has the rest.",
    ]


def class_sizes(facts: Facts) -> list[str]:
    """How many classes the splits have and how small the smallest is."""
    numbers = map_of(check_of(facts, "row_counts"), "numbers")
    lines = []
    for split in ("train", "dev", "cert"):
        classes, smallest, even = (
            numbers.get(f"{name}_{split}") for name in ("classes", "smallest_class", "effective_classes")
        )
        if is_number(classes) and is_number(smallest):
            told = f"{show(classes)}, the smallest of {show(smallest)} rows"
            even_as = f", as even as {show(even)} of equal size" if is_number(even) else ""
            lines.append(bullet(f"classes in {split}", told + even_as))
    return lines


def quality_index(facts: Facts) -> list[str]:
    """At least how much of the sealed data is right, or what would tell."""
    index = map_of(map_of(facts, "quality"), "index")
    if is_number(index.get("value")):
        told = (
            f"at least {show(index['value'])} of the {escape(str(index.get('split')))} rows are valid, "
            "not leaked and rightly labelled"
        )
        return [bullet("data quality index", told)]
    why = f": {escape(str(index['detail']))}" if index.get("detail") else ""
    remedy = "`smallcraft check --audit 120` writes a sheet to label again"
    return [bullet("data quality index", missing("an audit of its labels", remedy) + why)]


def check_table(facts: Facts) -> list[str]:
    """A row a check of the data; where it stands in a list, after an empty line."""
    checks = list_of(facts, "checks") or list_of(map_of(facts, "quality"), "checks")
    rows = [
        [show(c.get("check", "unnamed")), show(c.get("outcome")), show(c.get("summary") or "")]
        for c in checks
    ]
    if not rows:
        return [bullet("checks", missing("the data's checks", "`smallcraft check` makes them"))]
    return ["", *table(["check", "outcome", "summary"], rows)]


def _splits(facts: Facts, purposes: dict[str, str]) -> list[str]:
    splits = map_of(map_of(facts, "data"), "splits")
    return [bullet(f"{name} split ({why})", split_of(splits, name)) for name, why in purposes.items()]


def split_of(splits: Facts, name: str) -> str:
    """`666 rows, sha256:...`."""
    split = map_of(splits, name)
    if not split:
        return said(splits, name, f"the {name} split", BY_BUILD)
    return f"{show(split.get('rows'))} rows, {show(split.get('digest') or 'digest not recorded')}"


def _notes(facts: Facts) -> list[str]:
    notes = map_of(facts, "data").get("notes")
    listed: Sequence[object] = notes if isinstance(notes, list | tuple) else [notes] if notes else []
    return [bullet("how it was split", show(note)) for note in listed if note]
