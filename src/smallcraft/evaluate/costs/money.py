"""What answers cost in money: CPU-seconds times the price of a dated price sheet that the caller gives.

Always: there is no default price; without a sheet the cost is None with the remedy. Intervals are carried
over from the CPU-seconds and the accuracy.
Not covered: idle machines, memory, storage, traffic and people; a price per CPU-hour says nothing of these.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from smallcraft.errors import InvalidInputError
from smallcraft.records import Measurement

_SECONDS_AN_HOUR = 3600


@dataclass(frozen=True)
class PriceSheet:
    """What one hour of one CPU costs, by whom and when it was said.

    Attributes:
        id: Which sheet, such as `cloud-x/general/2026-10`.
        as_of: The day its prices hold for.
        per_cpu_hour: Price, finite, at least 0.
        currency: ISO 4217, three capitals.
    """

    id: str
    as_of: date
    per_cpu_hour: float
    currency: str

    def __post_init__(self) -> None:
        if not (math.isfinite(self.per_cpu_hour) and self.per_cpu_hour >= 0):
            raise InvalidInputError(
                f"per_cpu_hour must be a price of at least 0, got {self.per_cpu_hour}; read it off the sheet"
            )
        if not (len(self.currency) == 3 and self.currency.isalpha() and self.currency.isupper()):
            raise InvalidInputError(
                f"currency must be three capitals such as EUR, got {self.currency!r}; see ISO 4217"
            )


def measure_money(
    costs: Sequence[Measurement], *, sheet: PriceSheet | None, accuracy: Measurement | None = None
) -> tuple[Measurement, Measurement]:
    """`money_per_1000` answers and `money_per_1000_correct` answers.

    Args:
        costs: Measurements of one bundle, `cpu_s_per_1000` among them.
        sheet: The price; None leaves both unmeasured.
        accuracy: Share of right answers, a fraction; None leaves the second unmeasured.

    Returns:
        Both, in the sheet's currency. The interval of the second holds when both intervals that it comes from
        do, so its level is the sum of theirs less 1 (Bonferroni).
    """
    cpu = next((cost for cost in costs if cost.name == "cpu_s_per_1000"), None)
    if sheet is None:
        why = "needs a price sheet: give its id, its day, and the price of a CPU-hour"
        return _unpriced("money_per_1000", "money", why), _unpriced("money_per_1000_correct", "money", why)
    if cpu is None or cpu.value is None:
        why = "needs cpu_s_per_1000, which was not measured"
        return (
            _unpriced("money_per_1000", sheet.currency, why),
            _unpriced("money_per_1000_correct", sheet.currency, why),
        )
    all_answers = _price(cpu, sheet)
    return all_answers, _per_correct(all_answers, accuracy)


def _price(cpu: Measurement, sheet: PriceSheet) -> Measurement:
    price = sheet.per_cpu_hour / _SECONDS_AN_HOUR
    assert cpu.value is not None
    return Measurement(
        "money_per_1000",
        cpu.value * price,
        sheet.currency,
        cpu.n,
        f"CPU-seconds ({cpu.method}) x {sheet.per_cpu_hour:g} {sheet.currency} a CPU-hour",
        low=None if cpu.low is None else cpu.low * price,
        high=None if cpu.high is None else cpu.high * price,
        detail="; ".join(filter(None, (cpu.detail, f"price sheet {sheet.id} of {sheet.as_of.isoformat()}"))),
        level=cpu.level,
    )


def _per_correct(money: Measurement, accuracy: Measurement | None) -> Measurement:
    name = "money_per_1000_correct"
    if accuracy is None or accuracy.value is None:
        return _unpriced(name, money.unit, "needs the accuracy, which was not measured")
    if accuracy.value <= 0:
        return _unpriced(name, money.unit, "no answer was correct, so no money buys a correct one")
    assert money.value is not None
    levels = (money.level, accuracy.level)
    level = None if None in levels else max(0.0, sum(filter(None, levels)) - 1)
    return Measurement(
        name,
        money.value / accuracy.value,
        money.unit,
        money.n,
        f"money_per_1000 / accuracy ({accuracy.method})",
        low=_divide(money.low, accuracy.high),
        high=_divide(money.high, accuracy.low),
        split=accuracy.split,
        detail=money.detail,
        level=level or None,
    )


def _divide(above: float | None, below: float | None) -> float | None:
    """None too where the accuracy may be 0: then the cost of a correct answer has no upper bound."""
    return None if above is None or not below else above / below


def _unpriced(name: str, unit: str, why: str) -> Measurement:
    return Measurement(name, None, unit, 0, "", detail=f"not measured: {why}")
