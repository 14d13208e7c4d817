from __future__ import annotations

import pytest

from smallcraft.errors import IntegrityError
from smallcraft.registry.memory.reading import read_object


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "it is not JSON"),
        (b"\xff", "it is not JSON"),
        (b"[1]", "not a JSON object in canonical form"),
        (b'{"format":1,"a":1,"a":2}', "canonical form"),
        (b'{"format": 1}', "canonical form"),
        (b'{"format":1.0}', "canonical form"),
        (b'{"format":2}', "must be of format 1, got 2; read it with the smallcraft version that wrote it"),
        (b"{}", "must be of format 1, got None"),
        (b"[" * 100_000, "it is not JSON"),
        (b'{"format":1,"n":1e999}', "it is not JSON"),
    ],
)
def test_anything_but_canonical_json_of_the_format_is_refused(data, message):
    with pytest.raises(IntegrityError, match=message):
        read_object(data, what="it", version=1)
