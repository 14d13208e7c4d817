import json
import subprocess

import numpy as np
import pytest
from benchmarks.peers import CROWD_KIT
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.stats.crowds import draw_matrices, draw_votes

from smallcraft.errors import InvalidInputError
from smallcraft.stats.agreement import count_votes, measure_agreement, openness, pair_disagreement

# Four observers, twelve units (Krippendorff 2011, section C); 0 is no value.
PUBLISHED = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
        [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
    ]
)

ASK_CROWD_KIT = """
import json, sys
import numpy as np, pandas as pd
from crowdkit.metrics.data import alpha_krippendorff
item, who, label = np.load(sys.argv[1])
frame = pd.DataFrame({"task": item, "worker": who, "label": label})
json.dump(float(alpha_krippendorff(frame)), sys.stdout)
"""


def counts_of(observers):
    return np.stack([(observers == value).sum(axis=0) for value in range(1, 6)], axis=1)


def measure(counts, **options):
    return measure_agreement(counts, rng=np.random.default_rng(0), **options)


def draw_counts(seed, *, items=200, k=3, each=3):
    rng = np.random.default_rng(seed)
    return rng.multinomial(each, rng.dirichlet(np.full(k, 0.5)), items) + rng.multinomial(
        1, [1 / k] * k, items
    )


def test_alpha_is_the_published_one():
    assert round(measure(counts_of(PUBLISHED)).alpha.value, 3) == 0.743


def test_everything_is_as_counted_by_hand():
    # Pairs that differ: 0 of 3, 2 of 3, 1 of 1; one item has one vote and says nothing.
    found = measure(np.array([[3, 0], [1, 2], [1, 1], [1, 0]]))
    assert found.disagreement.value == pytest.approx((0 + 2 / 3 + 1) / 3)
    assert found.unanimous.value == pytest.approx(1 / 3)
    # Observed (3 x 0 + 3 x 2/3 + 2 x 1) / 8; expected 2 x 5 x 3 / (8 x 7).
    assert found.alpha.value == pytest.approx(1 - (4 / 8) / (30 / 56))
    assert (found.items, found.votes) == (3, 8)


def test_count_votes_counts_items_by_class():
    starts, label = np.array([0, 2, 2, 3]), np.array([1, 1, 0], dtype=np.int32)
    assert count_votes(starts, label, 2).tolist() == [[0, 2], [0, 0], [1, 0]]


@given(arrays(np.int64, st.tuples(st.integers(1, 12), st.integers(2, 4)), elements=st.integers(0, 4)))
def test_values_stand_inside_their_intervals_and_shares_inside_zero_and_one(counts):
    found = measure(counts)
    for name in ("disagreement", "unanimous", "alpha"):
        estimate = getattr(found, name)
        if estimate.interval is not None:
            assert estimate.interval.low <= estimate.value <= estimate.interval.high
        if name != "alpha" and estimate.value is not None:
            assert 0 <= estimate.value <= 1
    if found.alpha.value is not None:
        assert found.alpha.value <= 1


@given(st.integers(0, 2**32))
def test_the_order_of_items_and_classes_changes_nothing(seed):
    counts = draw_counts(seed)
    rng = np.random.default_rng(seed)
    other = counts[rng.permutation(len(counts))][:, rng.permutation(3)]
    assert measure(counts).alpha.value == pytest.approx(measure(other).alpha.value)


@given(st.integers(0, 2**32))
def test_ambiguity_and_worker_error_add_up_to_the_disagreement(seed):
    counts = draw_counts(seed)
    posterior = np.random.default_rng(seed).dirichlet(np.full(3, 0.3), len(counts))
    found = measure(counts, posterior=posterior)
    assert found.ambiguity.value + found.worker_error.value == pytest.approx(found.disagreement.value)


def test_without_posteriors_the_split_is_not_measured():
    found = measure(draw_counts(1))
    assert found.ambiguity.value is None
    assert found.worker_error.interval is None


def test_random_votes_have_an_alpha_of_zero():
    counts = np.random.default_rng(2).multinomial(4, [0.5, 0.3, 0.2], 20_000)
    found = measure(counts).alpha
    assert abs(found.value) < 0.01
    assert found.interval.low < 0 < found.interval.high


def test_one_label_throughout_has_no_alpha_but_no_disagreement():
    found = measure(np.array([[3, 0], [2, 0]]))
    assert found.alpha.value is None
    assert found.disagreement.value == 0
    assert found.unanimous.value == 1


@pytest.mark.parametrize("counts", [np.zeros((0, 2), np.int64), np.array([[1, 0], [0, 1], [0, 0]])])
def test_without_two_votes_on_an_item_nothing_is_measured(counts):
    found = measure(counts)
    assert found.items == 0
    assert found.disagreement.value is None
    assert found.alpha.value is None


def test_one_item_has_no_interval():
    assert measure(np.array([[2, 1]])).disagreement.interval is None


def test_openness_is_the_entropy_between_the_labels_that_were_given():
    posterior = np.array([[0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3], [1.0, 0.0, 0.0], [0.9, 0.1, 0.0]])
    counts = np.array([[1, 1, 0], [1, 1, 1], [2, 1, 0], [2, 1, 0]])
    entropy = -(0.9 * np.log(0.9) + 0.1 * np.log(0.1)) / np.log(2)
    assert openness(posterior, counts) == pytest.approx([1, 1, 0, entropy])


def test_an_item_with_fewer_than_two_votes_has_no_pair():
    assert np.isnan(pair_disagreement(np.array([[1, 0], [0, 0]]))).all()


def test_a_level_given_as_a_percent_is_refused():
    with pytest.raises(InvalidInputError, match=r"write 0\.95"):
        measure(draw_counts(1), level=95)


@pytest.mark.parametrize(("items", "each"), [(150, 3), (3000, 2)])
def test_intervals_cover_the_long_run_values(items, each):
    """Few items are resampled one by one, many in blocks."""
    matrices = draw_matrices(6, 3, right=(0.5, 0.95), rng=np.random.default_rng(3))
    long_run = measure(counted(matrices, 120_000, each, 999))
    covered = {"alpha": 0, "disagreement": 0, "unanimous": 0}
    runs = 120
    for seed in range(runs):
        found = measure(counted(matrices, items, each, seed), level=0.9)
        for name in covered:
            bounds = getattr(found, name).interval
            covered[name] += bounds.low <= getattr(long_run, name).value <= bounds.high
    # Three standard errors of a share of 0.9 in 120 runs.
    assert min(covered.values()) >= runs * (0.9 - 3 * np.sqrt(0.09 / runs))
    assert max(covered.values()) < runs


def counted(matrices, items, each, seed):
    """Votes of annotators drawn anew for each item."""
    rng = np.random.default_rng(seed)
    people, k = matrices.shape[:2]
    who = np.argsort(rng.random((items, people)), axis=1)[:, :each]
    rows = matrices[who, rng.integers(0, k, items)[:, None]].cumsum(axis=2)
    said = (rng.random((items, each, 1)) > rows).sum(axis=2)
    return np.stack([(said == c).sum(axis=1) for c in range(k)], axis=1)


@pytest.mark.peer
@pytest.mark.slow
def test_alpha_agrees_with_crowd_kit(tmp_path, peer_python):
    matrices = draw_matrices(7, 4, right=(0.4, 0.9), rng=np.random.default_rng(4))
    drawn = draw_votes(matrices, items=120, each=np.random.default_rng(5).integers(1, 6, 120), seed=4)
    path = tmp_path / "votes.npy"
    np.save(path, np.stack([drawn.items, drawn.annotator, drawn.label]))
    done = subprocess.run(
        [str(peer_python(CROWD_KIT)), "-c", ASK_CROWD_KIT, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    ours = measure(count_votes(drawn.starts, drawn.label, 4)).alpha.value
    assert ours == pytest.approx(json.loads(done.stdout), abs=1e-9)
