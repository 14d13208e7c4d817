import numpy as np
import pytest
from tests.serve.rollout.two_arms import draw_counts, seen_before

from smallcraft.serve.rollout.guardrails import (
    classes_part,
    disagreement_part,
    errors_part,
    escalation_part,
)
from smallcraft.serve.rollout.linear import tabulate
from smallcraft.serve.rollout.ordered import confidence_part, latency_part
from smallcraft.serve.rollout.plan import RolloutPlan

PLAN = RolloutPlan()
SEEN = seen_before()
PARTS = {
    "errors": errors_part(PLAN),
    "latency": latency_part(PLAN, SEEN.latency),
    "classes": classes_part(PLAN, SEEN.classes),
    "confidence": confidence_part(PLAN, SEEN.confidence),
    "disagreement": disagreement_part(PLAN, 0.1),
    "escalation": escalation_part(PLAN, 0.2, 0.1),
    "escalation alone": escalation_part(PLAN, 0.2, None),
}


@pytest.mark.parametrize("name", sorted(PARTS))
@pytest.mark.parametrize("share", [0.05, 0.5])
def test_a_table_says_to_any_counts_what_its_part_says(name, share):
    part = PARTS[name]
    counts = draw_counts(np.random.default_rng(0), 3000, share, rollouts=3)
    counts.escalated[:] = counts.rows // 7
    counts.compared[:], counts.disagreed[:] = 300, [10, 20, 60]
    direct = np.concatenate([question.ratios(counts, share) for question in part.questions], axis=-1)
    table = tabulate(part, share, classes=5)
    assert np.abs(direct).max() > 0.1
    np.testing.assert_allclose(table.look(counts), direct, rtol=1e-9, atol=1e-9)
    assert table.ratios.shape[1] == sum(len(question.weights) for question in part.questions)
