"""How pages are printed: all text escaped, a name that is not there an error, numbers as people read them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from smallcraft.observe.windows import shown_time
from smallcraft.pipeline.report_parts.quoting import pieces
from smallcraft.pipeline.report_parts.wording import NOT_MEASURED, counted, printable, three_figures

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def pages_environment() -> Environment:
    """The templates of `dashboard/templates`."""
    import jinja2

    def shown(value: object) -> object:
        return printable(value) if type(value) is str else value

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("smallcraft.dashboard", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "counted": counted,
        "figures": three_figures,
        "pieces": pieces,
        "share": as_share,
        "time": shown_time,
    }
    environment.globals["not_measured"] = NOT_MEASURED
    return environment


def as_share(value: float | None) -> str:
    """A share as a percentage that keeps small ones apart from none.

    >>> as_share(0.25), as_share(0.0004), as_share(0.0), as_share(None)
    ('25 %', '0.04 %', '0 %', 'not measured')
    """
    if value is None:
        return NOT_MEASURED
    return f"{100 * value:.2g} %" if abs(value) < 0.995 else f"{100 * value:.0f} %"
