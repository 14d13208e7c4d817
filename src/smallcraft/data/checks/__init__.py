"""Checks of the data, one a file; `run_checks` runs them over the splits.

Always: a check changes nothing; rows in findings are 0-based positions in their split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from smallcraft.contracts import Check
from smallcraft.data.checks.duplicates import Duplicates
from smallcraft.data.checks.integrity import Integrity
from smallcraft.data.checks.leakage import Leakage
from smallcraft.data.checks.personal_data import PersonalData
from smallcraft.data.checks.redundancy import Redundancy
from smallcraft.data.checks.row_counts import RowCounts
from smallcraft.plugins import find_plugin
from smallcraft.records import CheckResult, Roles

BUILTIN: Mapping[str, Check] = {
    "row_counts": RowCounts(),
    "integrity": Integrity(),
    "personal_data": PersonalData(),
    "redundancy": Redundancy(),
    "duplicates": Duplicates(),
    "leakage": Leakage(),
}


def run_checks(
    splits: Mapping[str, pl.DataFrame], roles: Roles, *, names: Sequence[str] | None = None
) -> tuple[CheckResult, ...]:
    """Run checks by name, in that order.

    Args:
        splits: Frames by split name.
        roles: Which column plays which part.
        names: Built-in or installed checks; None runs the built-in ones.

    Raises:
        InvalidInputError: A name is not a check.
    """
    chosen = [find_plugin("checks", name, BUILTIN) for name in (BUILTIN if names is None else names)]
    return tuple(check.inspect(splits, roles) for check in chosen)
