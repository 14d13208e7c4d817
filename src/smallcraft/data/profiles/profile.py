"""A profile: what one window, or a reference, looked like, column by column.

Columns of a text or an answer are several here: `message/length`, `answer/class` (`data.profiles.measuring`).
Leaves to others: which rows go in (`data.profiles.measuring`), bytes (`data.profiles.packing`).
Always: merging is exact, in any order and grouping (beyond a category's capacity within its stated error).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from smallcraft.data.profiles.categories import CategoryProfile, merge_categories
from smallcraft.data.profiles.numeric import NumericProfile, merge_numbers
from smallcraft.errors import InvalidInputError

ColumnProfile = NumericProfile | CategoryProfile
EVERYTHING = "all"


@dataclass(frozen=True, slots=True, order=True)
class SliceName:
    """Whose rows: of one release and segment.

    Attributes:
        release: Such as `helpdesk@3`.
        segment: Value of the segment column; `all` where there is none.
    """

    release: str
    segment: str = EVERYTHING


@dataclass(frozen=True)
class Profile:
    """What some rows looked like.

    Attributes:
        n: Rows that were profiled.
        left_out: Rows that came and were not, since there were too many at once.
        columns: By name.
    """

    n: int
    left_out: int = 0
    columns: Mapping[str, ColumnProfile] = field(default_factory=dict)

    @property
    def came(self) -> int:
        """All rows that came."""
        return self.n + self.left_out


def merge_profiles(profiles: Sequence[Profile]) -> Profile:
    """One profile of the rows of several.

    Args:
        profiles: At least one; a column may be missing in some.

    Raises:
        InvalidInputError: There is none, or a column is of numbers in one and of categories in another.
    """
    if not profiles:
        raise InvalidInputError("merging wants at least one profile, got none; leave the window out")
    names = dict.fromkeys(name for part in profiles for name in part.columns)
    return Profile(
        n=sum(part.n for part in profiles),
        left_out=sum(part.left_out for part in profiles),
        columns={
            name: merge_columns([part.columns[name] for part in profiles if name in part.columns], name=name)
            for name in sorted(names)
        },
    )


def merge_columns(columns: Sequence[ColumnProfile], *, name: str) -> ColumnProfile:
    """One profile of a column's rows of several.

    Args:
        columns: At least one.
        name: Of the column, for the message.

    Raises:
        InvalidInputError: Some are of numbers and some of categories.
    """
    numbers = [column for column in columns if isinstance(column, NumericProfile)]
    categories = [column for column in columns if isinstance(column, CategoryProfile)]
    if numbers and categories:
        raise InvalidInputError(
            f"column '{name}' must be of one kind in all windows, got numbers and categories;"
            " compare windows of one release"
        )
    return merge_numbers(numbers) if numbers else merge_categories(categories)
