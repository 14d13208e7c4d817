"""Laws of loading: same rows from every format, and one clear refusal for every kind of bad input."""

from __future__ import annotations

import gzip
import io
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.formats import LONGEST_LINE_BYTES
from smallcraft.data.load import check_roles, load_table
from smallcraft.errors import DataError, InvalidInputError
from smallcraft.records import Roles

TEXT = Roles(label="label", text="text")
NUMBER = Roles(label="label", features=("age",))
ROWS = "text,label\nhow much,price\nhow many,price\nwho are you,about\nwhat is this,about\n"


def write(path: Path, content: str | bytes) -> Path:
    if isinstance(content, str):
        content = gzip.compress(content.encode()) if path.suffix == ".gz" else content.encode()
    path.write_bytes(content)
    return path


def ages(*values: str, end: str = "") -> str:
    rows = "".join(f"{value},{'ab'[at % 2]}\n" for at, value in enumerate(values))
    return f"age,label\n{rows}{end}"


def nested_parquet() -> bytes:
    return parquet({"text": [["a"], ["b"], ["c"], ["d"]], "label": ["x", "x", "y", "y"]})


def parquet(columns: dict[str, list[object]]) -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_parquet(buffer)
    return buffer.getvalue()


def json_rows(*extra: str) -> str:
    rows = ['{"text": "a b", "label": "x"}', '{"text": "c d", "label": "y"}'] * 2
    return "\n".join([*rows, *extra]) + "\n"


HUGE = b"text,label\n" + b"x" * (LONGEST_LINE_BYTES + 2)

BAD_INPUTS = {
    "unknown suffix": ("t.xlsx", "x", TEXT, r"suffix that is not one of \.csv"),
    "misspelt suffix": ("t.jsnl", "x", TEXT, r"did you mean '\.jsonl'"),
    "gzipped parquet": ("t.parquet.gz", "x", TEXT, "suffix that is not one of"),
    "empty file": ("t.csv", "", TEXT, "t.csv is empty"),
    "only space": ("t.csv", "\n \n", TEXT, "t.csv is empty"),
    "header only": ("t.csv", "text,label\n", TEXT, "has a header and no rows"),
    "no parquet": ("t.parquet", ROWS, TEXT, "is not a Parquet file as its suffix says"),
    "damaged parquet": ("t.parquet", b"PAR1" + b"x" * 40 + b"PAR1", TEXT, "damaged Parquet"),
    "empty parquet": ("t.parquet", parquet({"text": [], "label": []}), TEXT, "columns and no rows"),
    "no gzip": ("t.csv.gz", b"text,label", TEXT, "is not a gzip file as its suffix says"),
    "cut gzip": ("t.tsv.gz", gzip.compress(ROWS.encode())[:-12], TEXT, "is a damaged gzip file"),
    "parquet as csv": ("t.csv", parquet({"a": [1]}), TEXT, "it is a Parquet file"),
    "gzip as csv": ("t.csv", gzip.compress(b"a"), TEXT, r"add \.gz to its name"),
    "spreadsheet as csv": ("t.csv", b"PK\x03\x04...", TEXT, "export the sheet as CSV"),
    "utf-16": ("t.csv", ROWS.encode("utf-16"), TEXT, "UTF-16 text: save it as UTF-8"),
    "binary": ("t.csv", b"text,label\n\x00\x01,x\n", TEXT, "binary, not text: byte 11 is NUL"),
    "latin-1": ("t.csv", "text,label\ncaf\xe9,x\n".encode("latin-1"), TEXT, "byte 14 is 0xe9"),
    "utf-8 cut short": ("t.csv", ROWS.encode() + b"\xc3", TEXT, r"not valid UTF-8: byte \d+ is 0xc3"),
    "huge line": ("t.csv", HUGE, TEXT, "a line longer than 16,777,216 bytes; it starts at byte 11"),
    "column twice": ("t.csv", "text,label,text\na,b,c\n", TEXT, "'text' stands twice in the header"),
    "missing column": ("t.csv", ROWS.replace("label", "lable"), TEXT, "did you mean 'lable'"),
    "missing json key": ("t.jsonl", json_rows().replace("label", "lable"), TEXT, "did you mean 'lable'"),
    "bars": ("t.csv", ROWS.replace(",", "|"), TEXT, "separated by bars"),
    "too few fields": ("t.csv", ROWS + "one\n", TEXT, r"t.csv, line 6: 1 fields where the header has 2"),
    "too many fields": ("t.csv", ROWS + "a,b,c\n", TEXT, r"line 6: 3 fields .* 'a,b,c'"),
    "lines inside quotes": ("t.csv", ROWS + '"a\nb",x\none\n', TEXT, r"line 8: 1 fields"),
    "unclosed quote": ("t.csv", ROWS + '"a,price\n', TEXT, "line 6: the quote that opens here is not closed"),
    "quote lost early": ("t.csv", 'text,label\n"a,x\n"b",x\n', TEXT, "line 2: the quote that opens here"),
    "stray quote": ("t.csv", ROWS + '"a",x\n5" b",y\n', TEXT, "line 7: a quote stands inside a field"),
    "carriage returns": (
        "t.csv",
        ROWS.replace("\n", "\r"),
        TEXT,
        "end lines with a newline, not with a carr",
    ),
    "json array": ("t.jsonl", '[{"text": "a"}]', TEXT, "holds one JSON array"),
    "broken json": ("t.jsonl", json_rows('{"text": "a'), TEXT, r"line 5: the line is not JSON \(Unterm"),
    "json no object": ("t.jsonl", json_rows("[1]"), TEXT, "line 5: the line is not a JSON object but list"),
    "json key twice": ("t.jsonl", json_rows('{"text": "a", "text": "b"}'), TEXT, "names a key twice"),
    "json half character": ("t.jsonl", json_rows('{"text": "\\ud800"}'), TEXT, "surrogate pair"),
    "json too deep": ("t.jsonl", json_rows("[" * 200_000), TEXT, "nests too deeply"),
    "json nested value": ("t.jsonl", json_rows('{"text": ["a"]}'), TEXT, r"line 5, column 'text': plain"),
    "nested parquet": ("t.parquet", nested_parquet(), TEXT, r"column 'text': plain values.*List\(String\)"),
    "one class": ("t.csv", "text,label\na,x\nb,x\n", TEXT, "every row has the one class 'x'"),
    "label seen once": ("t.csv", ROWS + "b,new\n", TEXT, "line 6, column 'label': the label 'new' is seen"),
    "null label": ("t.csv", ROWS + "b,\n", TEXT, "line 6, column 'label': the label is missing"),
    "blank label": ("t.csv", ROWS + "b, \n", TEXT, "line 6, column 'label': the label is missing"),
    "null text": ("t.csv", ROWS + ",price\n", TEXT, "line 6, column 'text': the text is missing or blank"),
    "blank text": ("t.csv", ROWS + '"  ",price\n', TEXT, "column 'text': the text is missing or blank"),
    "null text in parquet": (
        "t.parquet",
        parquet({"text": ["a", None], "label": ["x", "y"]}),
        TEXT,
        "row 2, column 'text': the text is missing",
    ),
    "all null": ("t.csv", ages("", "", ""), NUMBER, "column 'age': not one of 3 rows has a value"),
    "nan": (
        "t.csv",
        ages("1", "nan", "2", "3"),
        NUMBER,
        "line 3, column 'age': 'nan' is not a finite number",
    ),
    "infinity in json": ("t.jsonl", '{"age": Infinity, "label": "x"}', NUMBER, "line 1.*not a finite"),
    "number past doubles": ("t.csv", ages("1", "1e999", "2", "3"), NUMBER, "'1e999' is not a finite number"),
    "nearly numbers": (
        "t.csv",
        ages(*map(str, range(38)), "12a", "40"),
        NUMBER,
        "line 40, column 'age': '12a' is not a number, as 39 of 40 values",
    ),
    "no time": (
        "t.csv",
        "text,label,at\na,x,2026-01-31\nb,y,soon\n",
        Roles(label="label", text="text", time="at"),
        "line 3, column 'at': 'soon' is not a date or time; write ISO 8601",
    ),
}


@pytest.mark.parametrize(("name", "content", "roles", "message"), BAD_INPUTS.values(), ids=BAD_INPUTS)
def test_bad_input_is_refused_with_place_and_remedy_and_nothing_is_written(
    tmp_path, name, content, roles, message
):
    path = write(tmp_path / name, content)
    with pytest.raises(DataError, match=message) as refusal:
        load_table(path, roles)
    assert name in str(refusal.value)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_missing_file_is_refused_with_the_nearest_name(tmp_path):
    write(tmp_path / "tickets.csv", ROWS)
    with pytest.raises(DataError, match=r"no file .*tikets\.csv; .* did you mean 'tickets\.csv'"):
        load_table(tmp_path / "tikets.csv", TEXT)


def test_a_folder_is_all_tables_below_it(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "_temporary").mkdir()
    write(tmp_path / "b" / "2.csv", ROWS)
    write(tmp_path / "a.csv", ROWS)
    write(tmp_path / "_temporary" / "half.csv", ROWS)
    write(tmp_path / "README.md", "not rows")
    both = load_table(tmp_path, TEXT)
    assert both.frame.height == 2 * load_table(tmp_path / "a.csv", TEXT).frame.height


def test_a_folder_without_tables_is_refused(tmp_path):
    with pytest.raises(DataError, match="no file below the folder"):
        load_table(tmp_path, TEXT)


def test_a_glob_that_matches_nothing_is_refused(tmp_path):
    with pytest.raises(DataError, match="no file matches the glob"):
        load_table(tmp_path / "*.csv", TEXT)


def test_files_of_a_glob_with_different_columns_are_refused_by_name(tmp_path):
    write(tmp_path / "a.csv", ROWS)
    write(tmp_path / "b.csv", "text,label,extra\na,price,1\n")
    with pytest.raises(DataError, match=r"a\.csv and .*b\.csv have different columns.*'extra'"):
        load_table(tmp_path / "*.csv", TEXT)


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        (Roles(label="a", features=("a", "b")), "'a' is named twice: as a feature and as the label"),
        (Roles(label="a", text="b", features=("b",)), "'b' is named twice: as the text and as a feature"),
        (Roles(label="a", text="b", votes=("c", "c")), "'c' is named twice: as a vote and as a vote"),
        (Roles(label="a", text="b", key="c", groups=("c",)), "'c' is named twice: as the key and as a group"),
        (Roles(label="a"), "a model needs something to read"),
    ],
)
def test_roles_that_contradict_each_other_are_refused(roles, message):
    with pytest.raises(DataError, match=message):
        check_roles(roles)


def test_a_group_may_also_be_a_feature():
    check_roles(Roles(label="a", features=("sex",), groups=("sex",)))


MIXED = pl.DataFrame(
    {
        "text": ["first, with comma", 'a "quoted" word', "two\nlines", "ünï çödé 你好", " spaced "],
        "label": ["0", "1", "0", "1", "1"],
        "number": [1.0, 2.5, None, -0.0, 1e300],
        "whole": [1, 2, 3, None, 2**53],
        "flag": [True, False, None, True, True],
        "code": ["007", "12", None, "x", "y"],
        "at": ["2026-01-01", "2026-01-02T03:04:05", "2026-01-03 00:00:00.5", "2026-01-04", "2026-01-05"],
        "who": ["k1", "k1", None, "k2", "k3"],
    }
)
MIXED_ROLES = Roles(
    label="label", text="text", features=("number", "whole", "flag", "code"), time="at", key="who"
)


def stored(frame: pl.DataFrame, folder: Path) -> dict[str, Path]:
    paths = {
        kind: folder / f"rows.{kind}" for kind in ("csv", "tsv", "parquet", "jsonl", "csv.gz", "jsonl.gz")
    }
    frame.write_csv(paths["csv"])
    frame.write_csv(paths["tsv"], separator="\t")
    frame.write_parquet(paths["parquet"])
    frame.write_ndjson(paths["jsonl"])
    for kind in ("csv", "jsonl"):
        paths[f"{kind}.gz"].write_bytes(gzip.compress(paths[kind].read_bytes()))
    return paths


def test_the_same_rows_have_one_digest_and_one_frame_in_every_format(tmp_path):
    tables = {kind: load_table(path, MIXED_ROLES) for kind, path in stored(MIXED, tmp_path).items()}
    assert {table.ref.digest for table in tables.values()} == {tables["csv"].ref.digest}
    for table in tables.values():
        assert table.frame.equals(tables["csv"].frame)
        assert table.frame.schema == tables["csv"].frame.schema
    assert tables["csv"].frame["code"].to_list() == ["007", "12", None, "x", "y"]
    assert tables["csv"].frame["text"].to_list() == MIXED["text"].to_list()


def test_windows_line_ends_blank_lines_and_a_byte_order_mark_change_nothing(tmp_path):
    plain = load_table(write(tmp_path / "a.csv", ROWS), TEXT)
    odd = "\ufeff" + ROWS.replace("\n", "\r\n") + "\r\n\r\n"
    assert load_table(write(tmp_path / "b.csv", odd), TEXT).ref == plain.ref


def test_labels_that_look_like_numbers_are_text_in_every_format(tmp_path):
    frame = pl.DataFrame({"text": ["a", "b", "c", "d"], "label": [0.0, 1.0, 0.0, 1.0]})
    for path in stored(frame, tmp_path).values():
        assert load_table(path, TEXT).frame["label"].to_list() == ["0", "1", "0", "1"]


def test_a_file_without_quoted_fields_may_hold_quotes(tmp_path):
    content = 'text,label\na 5" screen,x\nb,y\nc 6" screen,x\nd,y\n'
    table = load_table(write(tmp_path / "t.csv", content), TEXT)
    assert table.frame["text"].to_list() == ['a 5" screen', "b", 'c 6" screen', "d"]


def test_a_glob_is_its_files_one_after_another(tmp_path):
    whole = load_table(write(tmp_path / "whole.csv", ROWS), TEXT)
    lines = ROWS.splitlines(keepends=True)
    write(tmp_path / "part1.csv", "".join(lines[:3]))
    write(tmp_path / "part2.csv.gz", "".join([lines[0], *lines[3:]]))
    assert load_table(tmp_path / "part*", TEXT).ref == whole.ref


def test_a_fault_in_the_second_file_of_a_glob_names_that_file_and_line(tmp_path):
    write(tmp_path / "a.csv", ROWS)
    write(tmp_path / "b.csv", "text,label\nok,price\n,price\n")
    with pytest.raises(DataError, match=r"b\.csv, line 3, column 'text'"):
        load_table(tmp_path / "*.csv", TEXT)


def test_missing_feature_values_are_kept_as_nulls(tmp_path):
    table = load_table(write(tmp_path / "t.csv", ages("1", "", "3", "4")), NUMBER)
    assert table.frame["age"].to_list() == [1.0, None, 3.0, 4.0]


def test_repeated_keys_are_no_fault(tmp_path):
    content = "text,label,who\na,x,1\nb,x,1\nc,y,1\nd,y,2\n"
    table = load_table(write(tmp_path / "t.csv", content), Roles(label="label", text="text", key="who"))
    assert table.frame["who"].to_list() == ["1", "1", "1", "2"]


def test_columns_to_keep_stand_in_the_frame_but_not_in_the_digest(tmp_path):
    path = write(tmp_path / "t.csv", "text,label,part\na,x,train\nb,x,dev\nc,y,train\nd,y,dev\n")
    kept = load_table(path, TEXT, keep=("part",))
    assert kept.frame["part"].to_list() == ["train", "dev", "train", "dev"]
    assert kept.ref == load_table(path, TEXT).ref


def test_a_test_set_may_hold_a_class_once(tmp_path):
    path = write(tmp_path / "t.csv", "text,label\na,x\nb,y\n")
    assert load_table(path, TEXT, for_training=False).frame.height == 2


QUARANTINED = ROWS + "one\n,price\nb,\na,b,c\nlast one,about\n"


@given(
    st.sampled_from([".csv", ".tsv", ".jsonl", ".csv.gz", ".parquet"]),
    st.sampled_from(
        [ROWS.encode(), json_rows().encode(), parquet({"text": ["a"] * 4, "label": ["x", "y"] * 2})]
    ),
    st.lists(
        st.tuples(st.integers(0, 10**6), st.integers(0, 3), st.sampled_from(list(b'",\n\r\t{}\x00\xff a1'))),
        max_size=4,
    ),
)
def test_damaged_bytes_give_a_table_or_a_data_error_and_lose_no_row_unseen(suffix, data, edits):
    damaged = bytearray(data)
    for at, cut, byte in edits:
        start = at % len(damaged)
        damaged[start : start + cut] = bytes([byte])
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / f"t{suffix}", bytes(damaged))
        try:
            table = load_table(path, TEXT, on_bad_rows="quarantine", quarantine=Path(folder))
        except DataError as refusal:
            said = str(refusal)
        else:
            said = table.source
            assert table.rows_read == table.frame.height + table.rows_quarantined
        assert path.name in said


def test_quarantine_sets_bad_rows_aside_with_reason_file_and_line(tmp_path):
    path = write(tmp_path / "t.csv", QUARANTINED)
    aside = tmp_path / "aside" / "quarantine.parquet"
    table = load_table(path, TEXT, on_bad_rows="quarantine", quarantine=aside)
    assert (table.rows_read, table.rows_quarantined, table.frame.height) == (9, 4, 5)
    written = pl.read_parquet(aside)
    assert sorted(written["line"].to_list()) == [6, 7, 8, 9]
    assert set(written["file"]) == {str(path)}
    by_line = dict(zip(written["line"], written["reason"], strict=True))
    assert "1 fields where the header has 2" in by_line[6]
    assert by_line[7] == "the text is missing or blank"
    assert by_line[8] == "the label is missing"
    assert dict(zip(written["line"], written["record"], strict=True))[9] == "a,b,c"


def test_quarantine_takes_non_numbers_and_broken_json_too(tmp_path):
    rows = [f'{{"age": {at}, "label": "{"ab"[at % 2]}"}}' for at in range(40)]
    rows += [
        '{"age": "12a", "label": "a"}',
        '{"age": NaN, "label": "a"}',
        "{oops",
        '{"age": 3, "label": null}',
    ]
    path = write(tmp_path / "t.jsonl", "\n".join(rows))
    table = load_table(path, NUMBER, on_bad_rows="quarantine", quarantine=tmp_path)
    assert table.rows_quarantined == 4
    assert table.frame["age"].to_list() == [float(at) for at in range(40)]
    written = pl.read_parquet(tmp_path / "quarantine.parquet")
    assert sorted(written["line"].to_list()) == [41, 42, 43, 44]


def test_a_clean_file_in_quarantine_mode_leaves_an_empty_quarantine(tmp_path):
    path = write(tmp_path / "t.csv", ROWS)
    aside = tmp_path / "q.parquet"
    table = load_table(path, TEXT, on_bad_rows="quarantine", quarantine=aside)
    assert table.rows_quarantined == 0
    assert pl.read_parquet(aside).height == 0


def test_quarantine_does_not_hide_a_file_with_only_bad_rows(tmp_path):
    path = write(tmp_path / "t.csv", "text,label\n,x\n ,y\nq,\n")
    with pytest.raises(DataError, match="all 3 rows are bad"):
        load_table(path, TEXT, on_bad_rows="quarantine", quarantine=tmp_path / "q.parquet")
    assert not (tmp_path / "q.parquet").exists()


def test_a_label_left_once_by_quarantine_is_named_by_its_own_line(tmp_path):
    path = write(tmp_path / "t.csv", "text,label\n,price\n" + ROWS.split("\n", 1)[1] + "b,new\n")
    with pytest.raises(DataError, match="line 7, column 'label': the label 'new' is seen once"):
        load_table(path, TEXT, on_bad_rows="quarantine", quarantine=tmp_path / "q.parquet")


def test_quarantine_without_a_file_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="needs a file to write the rows to"):
        load_table(write(tmp_path / "t.csv", ROWS), TEXT, on_bad_rows="quarantine")


def test_more_bad_rows_are_counted_in_the_refusal(tmp_path):
    with pytest.raises(DataError, match=r"\(2 more bad rows"):
        load_table(write(tmp_path / "t.csv", ROWS + ",a\n,b\n,c\n"), TEXT)


@pytest.mark.realdata
def test_real_files_load_whole(shared_data):
    banking = load_table(shared_data / "banking77" / "train.csv", Roles(label="category", text="text"))
    assert (banking.ref.rows, banking.frame["category"].n_unique()) == (10_003, 77)
    votes = tuple(f"label_{at}" for at in range(1, 11))
    roles = Roles(label="label_gold", text="test_case", votes=votes)
    hate = load_table(shared_data / "hatecheck" / "all_annotations.csv", roles)
    assert hate.ref.rows == 3_901
    assert hate.frame.select(votes).null_count().sum_horizontal().item() == 3_901 * 5
    features = ("AGEP", "SCHL", "SEX")
    census = shared_data / "census_employment" / "employment_MA_reference.pq"
    assert load_table(census, Roles(label="employed", features=features)).ref.rows == 68_785


def test_a_spreadsheet_with_semicolons_reads_as_one_with_commas(tmp_path):
    commas = load_table(write(tmp_path / "commas.csv", ROWS), TEXT)
    semicolons = load_table(write(tmp_path / "semicolons.csv", "\ufeff" + ROWS.replace(",", ";")), TEXT)
    assert semicolons.frame.equals(commas.frame)
    assert semicolons.ref.digest == commas.ref.digest
