"""An encoder with low-rank changes of its attention, trained with its head and merged into its weights.

`LORA.tuned(workshop).adapter` has the changes alone, for a task pack.
"""

from __future__ import annotations

from smallcraft.models.tuning.plan import TrainPlan, TuningPlan
from smallcraft.models.tuning.rung import EncoderRung

LORA = EncoderRung(
    "lora", TuningPlan(layers=6, rank=8, train=TrainPlan(epochs=4, learning_rate=1e-3, weight_decay=0.0))
)
