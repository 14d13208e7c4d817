"""A small cascade whose second stage is the student, which answers in half the time of a whole encoder."""

from __future__ import annotations

from smallcraft.models.rungs.cascade import Cascade
from smallcraft.models.rungs.lean import MARGIN, fast_over
from smallcraft.models.rungs.student import STUDENT

CASCADE_STUDENT = Cascade("cascade_student", fast_over(STUDENT.name, MARGIN), STUDENT)
