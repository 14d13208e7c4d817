"""What earlier rounds and other models tell of the rows: votes, settled rows, skill, likeness, disagreement.

Leaves to others: what is made of it (`label.proposing`).
Always: rows that were drawn blindly stand with the labels that they had when they were asked about: what
share of them was wrong says what share of the others is, whatever was repaired since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smallcraft.label.concluding import audited_rows
from smallcraft.label.merging import merge_votes
from smallcraft.label.proposing import Knowledge
from smallcraft.label.slices import SliceSearch
from smallcraft.label.value import Rates, Skill
from smallcraft.pipeline.labelling.project import LabelProject, heard_votes, project_campaigns
from smallcraft.pipeline.labelling.rows import OWN, LabelTable
from smallcraft.pipeline.labelling.truth import gold_of, known_truth, labels_before, skill_of
from smallcraft.pipeline.stages.prepare import positions_in
from smallcraft.pipeline.stages.score import cheap_rungs, embed_rows, train_scorer
from smallcraft.records import Predictions

# More rows than this would not fit in memory as embeddings beside everything else.
_EMBED_UP_TO = 200_000


@dataclass(frozen=True)
class Told:
    """What is known of the rows, and the answers beside the labels to look for doubts among."""

    knowledge: Knowledge
    seen: Predictions


def gather_knowledge(
    project: LabelProject,
    table: LabelTable,
    *,
    slices: SliceSearch | None,
    gaps: Mapping[str, NDArray[np.int64]],
) -> Told:
    """Everything that planning a round stands on.

    Args:
        project: The project.
        table: The rows to ask about.
        slices: In which errors are more frequent.
        gaps: Slice of an undecided gate to rows without a label that are of it.
    """
    config, campaigns = project.config, project_campaigns(project.config)
    votes, given, place = heard_votes(campaigns, table), table.seen.truth, table.place
    merged = merge_votes(
        table.items, given, votes, classes=table.seen.classes, model=table.seen, seed=config.seed
    )
    audited = audited_rows(votes, merged, table.items) if votes else None
    before = given
    if audited is not None:
        is_settled = (audited >= 0) & ~np.isin(np.arange(len(given)), merged.queue)
        before = np.where(is_settled, labels_before(table, campaigns.all()), given)
    skill = Skill(annotator=skill_of(gold_of(votes), usual=config.label.skill))
    known = Knowledge(
        slices=slices,
        audited=audited,
        queue=merged.queue,
        closed=campaigns.asked_items(),
        gold=sorted(place[item] for item in known_truth(votes) if item in place),
        rates=Rates(costs=config.label.planned(None).costs, skill=skill),
        wanted={f"gate {name}": rows.tolist() for name, rows in gaps.items() if len(rows)},
    )
    return Told(known, replace(table.seen, truth=before))


def vectors_of(project: LabelProject, table: LabelTable) -> NDArray[np.float32] | None:
    """`(n, width)` float32, rows alike in meaning lie close; None without an encoder or a text."""
    if len(table.items) > _EMBED_UP_TO:
        return None
    return embed_rows(project.workshop, {OWN: table.frame}).get(OWN)


def committee_of(project: LabelProject, table: LabelTable) -> NDArray[np.int64] | None:
    """`(m, n)` int64 answers of each cheap model that did not see the row; None where there is one model.

    Args:
        project: The project.
        table: Its rows of train first, new rows behind them.
    """
    names = cheap_rungs(project.workshop, None)
    if len(names) < 2:
        return None
    train = positions_in(project.prepared.splits.frames["train"])
    place = {position: row for row, position in enumerate(train.tolist())}
    own = [place[table.copies[item][0]] for item in table.items if item in table.copies]
    members = []
    for name in names:
        scorer = train_scorer(project.workshop, rungs=(name,))
        assert scorer is not None, "a rung that is able reads the rows"
        new = scorer.judge(table.frame[len(own) :])
        members.append(np.concatenate([scorer.held_out[own], new]).argmax(axis=1))
    return np.array(members, dtype=np.int64)
