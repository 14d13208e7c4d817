"""Objects of a store as tables: listed by prefix or pattern, read as they were listed."""

from __future__ import annotations

import io
import sys

import polars as pl
import pytest
from tests.conftest import require
from tests.registry.remotes.conftest import BUCKET, s3_endpoint, why_no_obstore  # noqa: F401 - a fixture

from smallcraft.data.partitions.pieces import find_pieces
from smallcraft.data.partitions.reading import read_chunks
from smallcraft.data.partitions.stores import copy_of, is_address, list_objects
from smallcraft.errors import DataError, InvalidInputError, MissingPartError

ROWS = pl.DataFrame({"text": [f"row {number}" for number in range(2_500)], "x": range(2_500)})


def parquet(frame: pl.DataFrame) -> bytes:
    data = io.BytesIO()
    frame.write_parquet(data)
    return data.getvalue()


@pytest.fixture
def put(s3_endpoint, monkeypatch, request):  # noqa: F811
    """Puts an object below a prefix of this test's own; gives its address."""
    require(why_no_obstore())
    for name, value in {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "something",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    from obstore.store import from_url

    prefix = f"tables/{request.node.name.replace('[', '-').rstrip(']')}"
    store = from_url(f"s3://{BUCKET}", client_options={"allow_http": True})

    def put(name: str, data: bytes) -> str:
        store.put(f"{prefix}/{name}", data)
        return f"s3://{BUCKET}/{prefix}/{name}"

    return put


@pytest.mark.parametrize(
    ("location", "is_one"),
    [("s3://bucket/a", True), ("az://b/c", True), ("rows.csv", False), ("http://x/y", False), ("s3", False)],
)
def test_an_address_is_told_from_a_path(location, is_one):
    assert is_address(location) is is_one


def test_objects_are_listed_by_prefix_by_pattern_or_by_name(put):
    addresses = [put(name, b"x") for name in ("rows/1.csv", "rows/2.csv", "rows/deep/3.csv", "other.csv")]
    base = addresses[0].removesuffix("rows/1.csv")
    assert [one.address for one in list_objects(f"{base}rows/")] == addresses[:3]
    assert [one.address for one in list_objects(f"{base}rows/*.csv")] == addresses[:2]
    assert [one.address for one in list_objects(f"{base}*/deep/?.csv")] == addresses[2:3]
    assert [(one.address, one.size_bytes) for one in list_objects(addresses[3])] == [(addresses[3], 1)]


def test_nothing_there_is_refused(put):
    address = put("rows/1.csv", b"x")
    with pytest.raises(DataError, match="nothing is at"):
        list_objects(address.replace("1.csv", "*.parquet"))


def test_a_table_in_a_store_is_read_like_one_on_disk(put):
    address = put("rows/1.parquet", parquet(ROWS[:1_500]))
    put("rows/2.csv", ROWS[1_500:].write_csv().encode())
    pieces = find_pieces(address.replace("1.parquet", "*"), part_bytes=8_000)
    assert [piece.source for piece in pieces] == [address, address.replace("1.parquet", "2.csv")]
    chunks = [chunk for piece in pieces for chunk in read_chunks(piece, wanted=None)]
    assert len(chunks) > 3
    assert [chunk.first_row for chunk in chunks][:2] == [0, 1_000]
    found = pl.concat([chunk.raw.frame.with_columns(pl.col("x").cast(pl.String)) for chunk in chunks])
    assert found.equals(ROWS.with_columns(pl.col("x").cast(pl.String)))


def test_an_object_that_was_replaced_meanwhile_is_not_read_as_the_one_that_was_listed(put):
    address = put("rows.csv", b"a,b\n1,2\n")
    [found] = list_objects(address)
    put("rows.csv", b"a,b\n1,3\n")
    with pytest.raises(DataError, match="was replaced while the table was read"), copy_of(found):
        pass


def test_a_store_that_does_not_answer_is_told(monkeypatch):
    require(why_no_obstore())
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setattr("smallcraft.addresses._RETRIES", 0)
    with pytest.raises(DataError, match="cannot be read"):
        list_objects("s3://nowhere/rows/")


def test_a_store_without_its_account_is_told_once(monkeypatch):
    require(why_no_obstore())
    for name in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_CONNECTION_STRING"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InvalidInputError) as told:
        list_objects("az://bucket/rows/")
    assert str(told.value).count("az://bucket") == 1


def test_without_the_extra_the_command_that_installs_it_is_told(monkeypatch):
    for name in ("obstore", "obstore.store", "obstore.exceptions"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingPartError, match=r"pip install 'smallcraft\[scale\]'"):
        list_objects("s3://bucket/rows/")
