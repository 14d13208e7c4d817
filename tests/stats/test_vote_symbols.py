import numpy as np
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.stats.vote_symbols import Witness, make_symbols, vote_shares

STARTS = np.array([0, 2, 2, 3], dtype=np.int64)
WHO = np.array([0, 2, 1], dtype=np.int32)
LABEL = np.array([1, 0, 1], dtype=np.int32)


def test_an_annotator_owns_one_row_a_label():
    assert make_symbols(STARTS, WHO, LABEL, 3, 2).symbol.tolist() == [1, 4, 3]


def test_a_witness_speaks_after_the_votes_of_each_item_with_rows_of_its_own():
    heard = make_symbols(STARTS, WHO, LABEL, 3, 2).heard_with(Witness(np.array([0, 3, 1], dtype=np.int32), 4))
    assert heard.starts.tolist() == [0, 3, 4, 6]
    assert heard.symbol.tolist() == [1, 4, 6, 9, 3, 7]
    assert heard.rows == 10


def test_shares_are_those_of_the_votes_and_ties_lean_to_the_common_class():
    starts = np.array([0, 2, 3, 3], dtype=np.int64)
    shares = vote_shares(make_symbols(starts, WHO, np.array([0, 1, 1], dtype=np.int32), 3, 2))
    assert shares[0] == pytest.approx([0.5, 0.5], abs=1e-6)
    assert shares.argmax(axis=1).tolist() == [1, 1, 1]
    assert shares[2] == pytest.approx([1.5 / 4, 2.5 / 4])


def test_a_tie_between_equally_common_classes_goes_to_the_first():
    starts, label = np.array([0, 2], dtype=np.int64), np.array([1, 0], dtype=np.int32)
    assert vote_shares(make_symbols(starts, WHO[:2], label, 3, 2)).argmax(axis=1).tolist() == [0]


def test_some_items_keep_their_votes():
    kept = make_symbols(STARTS, WHO, LABEL, 3, 2).only(np.array([False, True, True]))
    assert (kept.starts.tolist(), kept.symbol.tolist()) == ([0, 0, 1], [3])


@pytest.mark.parametrize(
    ("starts", "who", "label", "message"),
    [
        ([0, 2], WHO, LABEL, "starts must rise from 0 to the number of votes, 3; sort the votes"),
        ([0, 2, 1, 3], WHO, LABEL, "starts must rise"),
        (STARTS, WHO + 1, LABEL, "annotator must hold 3 codes from 0 to 2, got 3 from 1 to 3"),
        (STARTS, WHO, LABEL - 2, "label must hold 3 codes from 0 to 1, got 3 from -2 to -1"),
        (STARTS, WHO[:2], LABEL, "annotator must hold 3 codes from 0 to 2, got 2"),
    ],
)
def test_codes_that_do_not_fit_are_refused(starts, who, label, message):
    with pytest.raises(InvalidInputError, match=message):
        make_symbols(np.array(starts), who, label, 3, 2)


def test_a_table_that_does_not_fit_in_memory_is_refused_with_the_remedy():
    with pytest.raises(InvalidInputError, match="merge rare classes, or use majority_vote"):
        make_symbols(STARTS, WHO, LABEL, 3_000, 1_000)


def test_a_witness_of_other_items_is_refused():
    votes = make_symbols(STARTS, WHO, LABEL, 3, 2)
    with pytest.raises(InvalidInputError, match="one code an item, 3, got 1"):
        votes.heard_with(Witness(np.zeros(1, dtype=np.int32), 1))
