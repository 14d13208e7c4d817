"""An encoder whose upper layers are trained with its head; the states below them are computed once."""

from __future__ import annotations

from smallcraft.models.tuning.plan import TuningPlan
from smallcraft.models.tuning.rung import EncoderRung

TUNED = EncoderRung("tuned", TuningPlan())
