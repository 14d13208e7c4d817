"""Laws of rewriting: bytes outside the named rows stay; globs become one file that reads the same."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.load import read_source
from smallcraft.data.rewriting import Edits, edited_frame, refuse_target, rewrite_files
from smallcraft.errors import DataError, InvalidInputError

values = st.text(alphabet=st.sampled_from(list('ab ,"\n\té;')), max_size=6)
cell_rows = st.lists(
    st.tuples(values, st.sampled_from(["x", "y, z", 'q"', "é"]), values), min_size=1, max_size=8
)


def edits(*dropped: int, column: str = "label", copied=None, written=None) -> Edits:
    return Edits(column, frozenset(dropped), copied or {}, written or {})


def rewrite(*paths: Path, change: Edits, is_gzipped: bool = False) -> bytes:
    raw = [read_source(path, None).files[0] for path in paths]
    return rewrite_files(paths, raw, change, is_gzipped=is_gzipped)


def rewritten(folder: Path, content: str | bytes, change: Edits, name: str = "t.csv") -> bytes:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return rewrite(path, change=change)


@given(cell_rows, st.sampled_from([",", "\t"]), st.sampled_from(["\n", "\r\n"]), st.data())
def test_rows_of_any_text_survive_beside_dropped_and_relabelled_ones(rows, separator, end, data):
    which = st.integers(0, len(rows) - 1)
    dropped = data.draw(st.sets(which))
    copied = {
        row: other for row, other in data.draw(st.dictionaries(which, which)).items() if row not in dropped
    }
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=separator, lineterminator=end)
    writer.writerow(("text", "label", "note"))
    writer.writerows(rows)
    wanted = [
        (text, rows[copied.get(at, at)][1], note)
        for at, (text, _, note) in enumerate(rows)
        if at not in dropped
    ]
    with tempfile.TemporaryDirectory() as folder:
        name = "t.csv" if separator == "," else "t.tsv"
        written = rewritten(Path(folder), buffer.getvalue(), edits(*dropped, copied=copied), name)
    read = list(csv.reader(io.StringIO(written.decode(), newline=""), delimiter=separator))
    assert [tuple(row) for row in read] == [("text", "label", "note"), *wanted]


@pytest.mark.parametrize(
    "content",
    [
        'text,label\n"a",x\nb,"y"\n',
        "text,label\r\na,x\r\nb,y",
        "text , label,\na,x,1\n\n\nb,y,2\n",
        "text,label\none\na,x\nb,y,z\n",
        'text,label\n5" b,x\n',
        "\ufefftext,label\né,x\n",
    ],
)
def test_without_edits_every_byte_stays(tmp_path, content):
    assert rewritten(tmp_path, content, edits()) == content.encode()


def test_only_the_named_cell_changes(tmp_path):
    content = 'id,text,label\n1,"a ""b"", c",x\n\n2,"new\nline", "y"\n3,z,"x"\n'
    content = content.replace(' "y"', '"y"')
    assert rewritten(tmp_path, content, edits(copied={0: 1})).decode() == content.replace(
        ",x\n\n", ',"y"\n\n'
    )


def test_a_new_value_is_quoted_where_it_must_be(tmp_path):
    written = rewritten(tmp_path, 'text,label\n"a",x\nb,y\n', edits(written={1: 'say "hi", ok'}))
    assert written.decode() == 'text,label\n"a",x\nb,"say ""hi"", ok"\n'


def test_a_value_that_needs_quotes_is_refused_where_quotes_are_plain(tmp_path):
    with pytest.raises(DataError, match="needs quotes, and quotes are plain characters"):
        rewritten(tmp_path, 'text,label\n5" b,x\n', edits(written={0: "a,b"}))


def test_broken_records_stay_and_do_not_count(tmp_path):
    written = rewritten(tmp_path, "text,label\none\na,x\nb,y\n", edits(1, copied={0: 1}))
    assert written == b"text,label\none\na,y\n"


def test_files_of_a_glob_stand_under_one_header(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\na,x")
    (tmp_path / "b.csv").write_text('text,label\n"b",y\nc,x\n')
    written = rewrite(tmp_path / "a.csv", tmp_path / "b.csv", change=edits(2, copied={0: 1}))
    assert written == b'text,label\na,y\n"b",y\n'


@pytest.mark.parametrize(
    ("first", "second"),
    [("text,label\na,x\n", 'label,text\ny,"b, c"\n'), ('text,label\n5" a,x\n', 'text,label\n"b, c",y\n')],
)
def test_files_that_cannot_share_a_header_are_written_anew_with_their_values(tmp_path, first, second):
    (tmp_path / "a.csv").write_text(first)
    (tmp_path / "b.csv").write_text(second)
    (tmp_path / "c.csv").write_bytes(rewrite(tmp_path / "a.csv", tmp_path / "b.csv", change=edits()))
    together = read_source(str(tmp_path / "[ab].csv"), ("text", "label")).frame
    assert read_source(tmp_path / "c.csv", ("text", "label")).frame.equals(together)


def test_broken_records_in_files_that_are_written_anew_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\na,x\none\n")
    (tmp_path / "b.csv").write_text("label,text\ny,b\n")
    with pytest.raises(DataError, match="differ in the order of columns or in quotes, and hold broken rows"):
        rewrite(tmp_path / "a.csv", tmp_path / "b.csv", change=edits())


def test_a_glob_of_several_formats_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\na,x\n")
    (tmp_path / "a.tsv").write_text("text\tlabel\na\tx\n")
    with pytest.raises(DataError, match="it mixes csv and tsv; repair the formats one by one"):
        rewrite(tmp_path / "a.csv", tmp_path / "a.tsv", change=edits())


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
objects = st.fixed_dictionaries(
    {"label": st.sampled_from(["x", "é\n", 'q"'])}, optional={"n": scalars, "t": scalars}
)


@given(
    st.lists(objects, min_size=1, max_size=6),
    st.booleans(),
    st.sampled_from([None, (" ,", " : ")]),
    st.data(),
)
def test_json_lines_keep_every_other_value(rows, to_ascii, separators, data):
    which = st.integers(0, len(rows) - 1)
    dropped = data.draw(st.sets(which))
    copied = {
        row: other for row, other in data.draw(st.dictionaries(which, which)).items() if row not in dropped
    }
    lines = [json.dumps(row, ensure_ascii=to_ascii, separators=separators) for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        written = rewritten(Path(folder), "\n\n".join(lines), edits(*dropped, copied=copied), "t.jsonl")
    wanted = [
        row | {"label": rows[copied.get(at, at)]["label"]} for at, row in enumerate(rows) if at not in dropped
    ]
    assert [json.loads(line) for line in written.decode().split("\n") if line] == wanted
    untouched = [line for at, line in enumerate(lines) if at not in dropped and at not in copied]
    assert all(line in written.decode().split("\n") for line in untouched)


def test_a_json_row_without_the_key_gets_it(tmp_path):
    content = '{"text": "a"}\n{}\n{"text": "b", "label": 1}\n'
    written = rewritten(tmp_path, content, edits(copied={0: 2}, written={1: "é"}), "t.jsonl")
    assert written.decode() == '{"text": "a", "label": 1}\n{"label": "é"}\n{"text": "b", "label": 1}\n'


def test_numbers_in_a_relabelled_json_row_keep_their_digits(tmp_path):
    content = '{"n": 1.10, "big": 12345678901234567890, "label": "x"}\n{"label": "y"}\n'
    written = rewritten(tmp_path, content, edits(copied={0: 1}), "t.jsonl")
    assert written.decode() == content.replace('"x"', '"y"')


def test_parquet_keeps_values_types_and_nested_columns(tmp_path):
    frame = pl.DataFrame(
        {
            "label": pl.Series(["x", "y", None], dtype=pl.Categorical),
            "n": pl.Series([1, 2, 3], dtype=pl.Int8),
            "nested": [[1], [], None],
        }
    )
    frame.write_parquet(tmp_path / "t.parquet")
    written = rewrite(tmp_path / "t.parquet", change=edits(0, copied={2: 1}))
    read = pl.read_parquet(io.BytesIO(written))
    assert read.schema == frame.schema
    assert read.to_dict(as_series=False) == {"label": ["y", "y"], "n": [2, 3], "nested": [[], None]}


def test_parquet_files_of_other_types_are_refused(tmp_path):
    pl.DataFrame({"label": ["x"]}).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"label": [[1]]}).write_parquet(tmp_path / "b.parquet")
    raw = [read_source(tmp_path / "a.parquet", None).files[0]] * 2
    with pytest.raises(DataError, match="columns of different types"):
        rewrite_files([tmp_path / "a.parquet", tmp_path / "b.parquet"], raw, edits(), is_gzipped=False)


def test_a_new_text_for_a_column_of_numbers_is_refused():
    with pytest.raises(DataError, match="column 'label' holds Int64 and no row has 'other'"):
        edited_frame(pl.DataFrame({"label": [1, 2]}), edits(written={0: "other"}))


def test_compressed_files_are_written_alike_each_time(tmp_path):
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"text,label\na,x\nb,y\n"))
    written = [rewrite(tmp_path / "t.csv.gz", change=edits(0), is_gzipped=True) for _ in range(2)]
    assert gzip.decompress(written[0]) == b"text,label\nb,y\n"
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("a.csv", "b.tsv", r"a name that ends in \.csv was wanted"),
        ("a.csv", "b.csv.gz", r"a name that ends in \.csv was wanted"),
        ("a.csv", "a.csv", "is there already and is never written over"),
        ("a.csv", "link.csv", "is there already and is never written over"),
        ("a.csv", "none/b.csv", "there is no folder"),
        ("*.csv", "b.csv", r"would be read as a part of .*\*\.csv from then on"),
        ("**/*.csv", "sub/b.csv", "would be read as a part of"),
        ("s*/*.csv", "sub/b.csv", "would be read as a part of"),
    ],
)
def test_a_target_that_cannot_be_is_refused(tmp_path, source, target, message):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.csv").touch()
    (tmp_path / "link.csv").symlink_to("nowhere")
    with pytest.raises(InvalidInputError, match=message):
        refuse_target(tmp_path / source, [tmp_path / "a.csv"], tmp_path / target)


@pytest.mark.parametrize(
    ("source", "target"), [("a.csv", "b.csv"), ("*.csv", "sub/b.csv"), ("A.CSV", "b.csv")]
)
def test_any_other_target_is_taken(tmp_path, source, target):
    (tmp_path / "sub").mkdir()
    refuse_target(tmp_path / source, [tmp_path / source.replace("*", "a")], tmp_path / target)
    assert not (tmp_path / target).exists()


def test_files_that_are_parted_differently_are_not_put_together(tmp_path):
    commas, semicolons = tmp_path / "a.csv", tmp_path / "b.csv"
    commas.write_text("text,label\na,x\n", encoding="utf-8")
    semicolons.write_text("text;label\nb;y\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"parted by ',' in .*a\.csv and by ';' in .*b\.csv.*save them alike"):
        rewrite(commas, semicolons, change=edits())
    assert rewrite(semicolons, change=edits(written={0: "z"})) == b"text;label\nb;z\n"
