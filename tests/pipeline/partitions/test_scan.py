"""A table in pieces is counted as the same table in memory, on every engine."""

from __future__ import annotations

import gzip

import numpy as np
import polars as pl
import pytest
from tests.pipeline.partitions.tables import ROLES, messages, write_parts

from smallcraft.data.checks import run_checks
from smallcraft.data.load import load_table
from smallcraft.data.partitions.pieces import find_pieces
from smallcraft.data.partitions.verdicts import (
    copies_result,
    integrity_result,
    personal_result,
    row_count_result,
    votes_result,
)
from smallcraft.data.votes import votes_from_columns
from smallcraft.data.wording import WHOLE
from smallcraft.engine import engines
from smallcraft.engine.engines import Engine
from smallcraft.errors import DataError
from smallcraft.pipeline.partitions.scan import Subject, first_rows, scan_table
from smallcraft.records import Roles
from smallcraft.stats.agreement import count_votes, measure_agreement


def quiet(step: str, share: float) -> None:
    pass


def scan(location, *, roles=ROLES, most=100_000, part_bytes=20_000, engine=None, seed=0):
    pieces = tuple(find_pieces(location, part_bytes=part_bytes))
    with Engine() as here:
        return scan_table(
            Subject(str(location), pieces, roles, seed), engine or here, most=most, progress=quiet
        )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_parts(messages(), tmp_path_factory.mktemp("table") / "rows")


@pytest.fixture(scope="module")
def whole(tmp_path_factory, folder):
    """The same rows, loaded at once."""
    return load_table(
        folder,
        ROLES,
        on_bad_rows="quarantine",
        quarantine=tmp_path_factory.mktemp("aside") / "q.parquet",
        for_training=False,
    )


@pytest.fixture(scope="module")
def scanned(folder):
    return scan(folder)


@pytest.fixture(scope="module")
def checked(whole):
    return {result.check: result.numbers for result in run_checks({WHOLE: whole.frame}, ROLES)}


def test_every_row_is_counted_as_used_or_set_aside(scanned, whole):
    assert (scanned.tally.came, scanned.tally.kept) == (whole.rows_read, whole.frame.height)
    assert scanned.tally.came - scanned.tally.kept == whole.rows_quarantined == 10
    assert scanned.tally.labels == dict(whole.frame["label"].value_counts().iter_rows())
    assert len(scanned.tally.read) > 10


def test_faults_of_rows_are_those_of_the_check_in_memory(scanned, checked):
    found, known = integrity_result(scanned.tally, ROLES).numbers, checked["integrity"]
    assert {name: found[name] for name in found if name in known} == {
        name: known[name] for name in found if name in known
    }
    assert (found["mojibake"], found["replacement_characters"], found["rows_failing_all"]) == (10, 20, 25)


def test_personal_data_is_that_of_the_check_in_memory(scanned, checked):
    assert personal_result(scanned.tally).numbers == checked["personal_data"]
    assert checked["personal_data"]["email"] == 7


def test_rows_and_classes_are_those_of_the_check_in_memory(scanned, checked):
    found = row_count_result(scanned.tally, ROLES).numbers
    assert {name: found[name] for name in checked["row_counts"]} == checked["row_counts"]


def test_exact_copies_and_contradictions_are_those_of_the_check_in_memory(scanned, checked):
    result = copies_result(scanned.copies, ROLES, near_share=0.0, locate=str)
    for name in ("exact_all", "label_errors_at_least_all", "label_error_share_at_least_all"):
        assert result.numbers[name] == checked["duplicates"][name]
    assert result.numbers["exact_all"] >= 55
    assert len(result.findings) == result.numbers["contradictory_groups_all"] > 10


def test_agreement_is_that_of_all_votes(scanned, whole):
    votes = votes_from_columns(whole.frame, ROLES.votes)
    counts = count_votes(votes.starts, votes.label, len(votes.classes))
    known = measure_agreement(counts, rng=np.random.default_rng(0))
    result = votes_result(scanned.tally.votes, level=0.95, seed=0)
    assert result.numbers["votes"] == len(votes.label)
    assert result.numbers["rows_with_two_votes"] == known.items
    for name, estimate in (("disagreement", known.disagreement), ("krippendorff_alpha", known.alpha)):
        assert result.numbers[name] == pytest.approx(estimate.value, rel=1e-12)
    [alpha] = [one for one in result.measurements if one.name.startswith("krippendorff")]
    assert alpha.low == pytest.approx(known.alpha.interval.low, abs=0.01)
    assert alpha.low < alpha.value < alpha.high


def test_a_sample_of_all_rows_is_the_table(scanned, whole):
    assert scanned.sample.frame.equals(whole.frame)
    assert scanned.sample.ref == whole.ref
    assert scanned.sample.positions.tolist() == whole.positions.tolist()
    assert scanned.is_plain.all()


@pytest.mark.parametrize("most", [1, 500, 2_999])
def test_a_sample_has_its_size_but_for_rows_that_cannot_be_used(folder, most):
    found = scan(folder, most=most)
    assert most - 10 <= found.is_plain.sum() <= most
    assert found.sample.rows_read == 3_000
    assert found.sample.rows_left_out == 3_000 - 10 - found.sample.frame.height


def test_a_rare_class_has_rows_in_the_sample_that_are_no_plain_ones(folder):
    found = scan(folder, most=300)
    taken = found.sample.frame.filter(pl.Series(~found.is_plain))
    assert set(taken["label"]) <= {"fees", "money"}
    assert (found.sample.frame["label"] == "fees").sum() >= 50
    plain = found.sample.frame.filter(pl.Series(found.is_plain))
    assert (plain["label"] == "fees").sum() < 40


def test_another_seed_draws_another_sample_and_the_same_seed_the_same(folder):
    one, again, other = (scan(folder, most=400, seed=seed) for seed in (1, 1, 2))
    assert one.sample.ref == again.sample.ref
    assert one.places.tolist() == again.places.tolist()
    assert one.sample.ref.order_free_digest != other.sample.ref.order_free_digest


def test_the_counts_are_the_same_in_processes(folder, scanned, monkeypatch):
    monkeypatch.setattr(engines, "_WORTH_S", 0.0)
    with Engine(workers=2) as engine:
        away = scan(folder, engine=engine)
    assert away.tally.labels == scanned.tally.labels
    assert away.copies == scanned.copies
    assert away.sample.ref == scanned.sample.ref
    assert integrity_result(away.tally, ROLES) == integrity_result(scanned.tally, ROLES)
    np.testing.assert_array_equal(away.tally.votes.sums, scanned.tally.votes.sums)


def test_counts_do_not_depend_on_where_files_are_cut(folder, scanned):
    coarse = scan(folder, part_bytes=1 << 30)
    assert len(coarse.tally.read) == 7
    assert coarse.tally.labels == scanned.tally.labels
    assert (coarse.copies.distinct, coarse.copies.wrong) == (scanned.copies.distinct, scanned.copies.wrong)
    assert coarse.sample.ref == scanned.sample.ref


@pytest.mark.parametrize("suffix", ["parquet", "csv", "csv.gz"])
def test_a_row_is_named_by_where_it_stands_in_its_file_however_that_is_cut(tmp_path, suffix):
    texts = [f"message {number}" for number in range(2_000)]
    texts[1_700], texts[1_800] = "caf\u00c3\u00a9 cr\u00c3\u00a8me", " "
    frame = pl.DataFrame({"text": texts, "label": ["a", "b"] * 1_000})
    if suffix == "parquet":
        frame.write_parquet(tmp_path / "rows.parquet", row_group_size=300)
    else:
        data = frame.write_csv().encode()
        (tmp_path / f"rows.{suffix}").write_bytes(gzip.compress(data) if suffix == "csv.gz" else data)
    found = scan(tmp_path, roles=Roles(label="label", text="text"), part_bytes=8_000).tally
    [example], [bad] = found.examples, found.bad
    lines = (None, None) if suffix == "parquet" else (1_702, 1_802)
    assert (example.line, bad.line) == lines
    rows = (None, None) if suffix == "csv" else (1_701, 1_801)
    assert (example.row, bad.row) == rows


@pytest.mark.parametrize("label", ["1.0", "2"])
def test_the_whole_table_decides_how_labels_are_written(tmp_path, label):
    pl.DataFrame({"text": ["a b", "c d"], "label": ["1.0", "3.0"]}).write_csv(tmp_path / "1.csv")
    pl.DataFrame({"text": ["e f"], "label": [label]}).write_csv(tmp_path / "2.csv")
    roles = Roles(label="label", text="text")
    found, known = scan(tmp_path, roles=roles), load_table(tmp_path, roles, for_training=False)
    assert set(found.tally.labels) == set(known.frame["label"])


def test_a_feature_that_is_no_number_somewhere_is_one_of_categories_everywhere(tmp_path):
    pl.DataFrame({"label": ["a", "b"] * 40, "size": ["1", "2"] * 40}).write_csv(tmp_path / "1.csv")
    pl.DataFrame({"label": ["a", "b"] * 40, "size": ["tall", "3"] * 40}).write_csv(tmp_path / "2.csv")
    found = scan(tmp_path, roles=Roles(label="label", features=("size",)))
    assert found.sample.frame["size"].dtype == pl.String
    assert found.tally.kept == 160


def test_values_that_do_not_fit_their_column_are_set_aside_and_told(tmp_path):
    pl.DataFrame({"label": ["a", "b"] * 60, "size": ["1", "2"] * 60}).write_csv(tmp_path / "1.csv")
    pl.DataFrame({"label": ["a", "b"], "size": ["tall", "3"]}).write_csv(tmp_path / "2.csv")
    found = scan(tmp_path, roles=Roles(label="label", features=("size",)))
    assert (found.tally.kept, found.tally.set_aside) == (121, 1)
    [bad] = found.tally.bad
    assert (bad.file, bad.line, bad.column) == (str(tmp_path / "2.csv"), 2, "size")
    assert "'tall' is not a number, as 121 of 122 values" in bad.reason


def test_broken_records_are_counted_and_told(tmp_path):
    (tmp_path / "1.csv").write_text("text,label\n" + "one two,x\n" * 5 + "three,y,z\n" + "four,y\n" * 5)
    found = scan(tmp_path, roles=Roles(label="label", text="text"))
    assert (found.tally.came, found.tally.broken, found.tally.kept) == (11, 1, 10)
    assert [row.line for row in found.tally.bad] == [7]


def test_a_table_without_a_row_that_can_be_used_is_refused(tmp_path):
    (tmp_path / "1.csv").write_text("text,label\n,x\n ,y\n")
    with pytest.raises(DataError, match="all 2 rows are bad"):
        scan(tmp_path, roles=Roles(label="label", text="text"))


def test_pieces_follow_one_another():
    assert first_rows({2: 3, 0: 4, 1: 0}) == {0: 0, 1: 4, 2: 4}
