import pytest

from smallcraft.errors import DataError
from smallcraft.label.sheets import read_json_list, text_at


@pytest.mark.parametrize("data", [b"", b"[", b'[{"a": 1}', b'[{"a": "\xff"}]'])
def test_half_a_file_is_refused(data):
    with pytest.raises(DataError, match="nothing was imported"):
        read_json_list(data, source="f.json", wanted="a list")


@pytest.mark.parametrize("data", [b"{}", b"3", b"[1]", b"null"])
def test_json_of_another_shape_is_refused(data):
    with pytest.raises(DataError, match="a list of objects"):
        read_json_list(data, source="f.json", wanted="a list")


def test_a_byte_order_mark_does_no_harm():
    assert read_json_list(b'\xef\xbb\xbf[{"a": 1}]', source="f.json", wanted="a list") == [{"a": 1}]


@pytest.mark.parametrize("value", [None, "", "  ", {}, []])
def test_a_blank_field_is_refused_with_its_place(value):
    with pytest.raises(DataError, match=r"task 3 of f\.json must have 'item_id'"):
        text_at({"item_id": value}, "item_id", place="task 3", source="f.json")


def test_numbers_are_read_as_text():
    assert text_at({"item_id": 7}, "item_id", place="task 3", source="f.json") == "7"
