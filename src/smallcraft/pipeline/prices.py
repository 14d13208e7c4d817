"""`[prices]` of the project file: the price sheet that answers are paid by, and the day it holds for.

Always: the section is whole or absent; there is no default price.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Field, field_validator

from smallcraft.errors import ConfigError
from smallcraft.evaluate.costs.money import PriceSheet
from smallcraft.pipeline.sections import Section


class PricesSection(Section):
    """What a CPU-hour costs, by which price sheet of which day; there is no default price."""

    id: Annotated[str, Field(min_length=1)]
    as_of: Annotated[str, Field(json_schema_extra={"format": "date"})]
    per_cpu_hour: Annotated[float, Field(ge=0)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="three capitals such as EUR")]

    @field_validator("as_of", mode="before")
    @classmethod
    def _is_a_day(cls, as_of: object) -> object:
        """TOML has days of its own; as text it must be one too."""
        if isinstance(as_of, date) and not isinstance(as_of, datetime):
            return as_of.isoformat()
        try:
            return date.fromisoformat(as_of).isoformat() if isinstance(as_of, str) else as_of
        except ValueError as error:
            raise ConfigError(
                f"as_of must be a day such as 2026-11-01, got '{as_of}'; write it so"
            ) from error

    @property
    def sheet(self) -> PriceSheet:
        """As the cost measurements take it."""
        return PriceSheet(self.id, date.fromisoformat(self.as_of), self.per_cpu_hour, self.currency)
