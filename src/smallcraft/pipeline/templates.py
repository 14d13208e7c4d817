"""The templates of the pages, and how they print: everything escaped, a name that is not there an error.

What stands on a page belongs to `report` and `check_page`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from smallcraft.pipeline.report_parts.wording import NOT_MEASURED, counted

if TYPE_CHECKING:
    from jinja2 import Environment


def page_environment(clean: Callable[[str], str]) -> Environment:
    """The templates of `pipeline/pages`.

    Args:
        clean: What becomes of plain text before it is escaped; markup is printed as it is.
    """
    import jinja2

    def shown(value: object) -> object:
        return clean(value) if type(value) is str else value

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("smallcraft.pipeline", "pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["counted"] = counted
    environment.globals["not_measured"] = NOT_MEASURED
    return environment
