"""The one word that says where work runs: `local`, `ray`, or the address of a Ray cluster.

Always: a wrong word is refused with the right ones, before anything is started.
"""

from __future__ import annotations

import re

from smallcraft.errors import InvalidInputError, nearest_name

LOCAL, RAY = "local", "ray"
_ADDRESS = re.compile(r"ray://[^/\s:]+:\d{1,5}")


def check_engine(name: str) -> str:
    """The name as it is, where it is one.

    Raises:
        InvalidInputError: It is none.

    >>> check_engine("ray://head.example:10001")
    'ray://head.example:10001'
    """
    if name in (LOCAL, RAY) or _ADDRESS.fullmatch(name):
        return name
    raise InvalidInputError(
        f"engine is 'local', 'ray' or an address like 'ray://host:10001', got {name!r}"
        f"{nearest_name(name, (LOCAL, RAY))}"
    )
