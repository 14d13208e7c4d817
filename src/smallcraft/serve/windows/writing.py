"""What a process saw of windows, measured and noted in its part of each; used by one thread.

Leaves to others: when (`windows.feeding`), what is measured (`data.profiles.measuring`), the files
(`data.profiles.parts`).
Always: what is noted is noted once; while the disk refuses, frames wait for it, up to a limit, and rows that
are lost then are counted as left out.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Iterator, Mapping

import numpy as np

from smallcraft.data.profiles.keeping import RowKeeper
from smallcraft.data.profiles.kept import KeepLimits
from smallcraft.data.profiles.measuring import Measures, measure_rows
from smallcraft.data.profiles.packing import Seen, merge_seen, pack_seen, unpack_seen
from smallcraft.data.profiles.parts import PartWriter, Span, new_process
from smallcraft.data.profiles.profile import Profile, SliceName
from smallcraft.data.profiles.rows import Rows, check_names
from smallcraft.errors import SmallcraftError
from smallcraft.serve.windows.buffer import Taken
from smallcraft.serve.windows.references import References
from smallcraft.serve.windows.settings import WindowSettings

_LOG = logging.getLogger("smallcraft.serve")
# What may wait for a disk that refuses.
_MOST_BYTES = 64 << 20


class WindowWriter:
    """Notes what one process sees.

    Args:
        settings: Where to, and what is kept.

    Attributes:
        process: Its name in those of its parts.
        seed: Of what is left to chance in this process.
        alarm: Why nothing can be written now, and what becomes of it; empty while all is well.
    """

    def __init__(self, settings: WindowSettings) -> None:
        self.process = new_process("router")
        self.alarm = ""
        self._settings = settings
        self._references = References(settings.references)
        # Of its own in each process.
        self.seed = (settings.seed, int.from_bytes(self.process.encode()))
        self._rng = np.random.default_rng(self.seed)
        self._span: Span | None = None
        self._keeper: RowKeeper | None = None
        self._parts: PartWriter | None = None
        self._unsaved: deque[tuple[Span, bytes]] = deque()
        self._over: deque[Span] = deque()
        self._lost: dict[Span, Counter[SliceName]] = {}
        self._told: set[str] = set()

    def write(self, start_s: int, taken: Taken) -> None:
        """Note what came.

        Args:
            start_s: Begin of its window.
            taken: From the buffer.
        """
        span = Span(start_s, self._settings.seconds)
        if span != self._span:
            self._begin(span)
        slices = merge_seen(self._measured(taken))
        if slices:
            self._unsaved.append((span, pack_seen(slices)))
        self._save()

    def seal(self, start_s: int) -> None:
        """A window is over; nothing of it comes any more."""
        self._over.append(Span(start_s, self._settings.seconds))
        self._save()

    def close(self) -> None:
        """The process ends; whoever comes next goes on with the window in a part of its own."""
        self._save()
        if self._parts is not None:
            self._parts.close()

    def _begin(self, span: Span) -> None:
        self._span = span
        self._keeper = RowKeeper(KeepLimits(), rng=self._rng) if self._settings.keep_examples else None
        self._references.look_again()

    def _measured(self, taken: Taken) -> Iterator[Mapping[SliceName, Seen]]:
        """What was seen, piece by piece."""
        for columns in taken.columns:
            measures = self._references.find(columns.interface.facts.digest)
            for name, rows in columns.tables().items():
                try:
                    yield {name: self._measure(name, rows, measures)}
                except SmallcraftError as error:
                    self._tell_once(f"rows of {name.release} are not watched: {error}")
            yield _left_out(columns.left_out)
        for name, failed in taken.errors.items():
            yield {name: Seen(measure_rows(Rows(0, failed=failed), Measures()).profile)}

    def _measure(self, name: SliceName, rows: Rows, measures: Measures) -> Seen:
        check_names(rows.names, rows.texts)
        measured = measure_rows(rows, measures)
        if self._keeper is None:
            return Seen(measured.profile)
        return Seen(measured.profile, self._keeper.keep(name, rows, measured.distances))

    def _save(self) -> None:
        """Write what waits, as far as the disk takes it; what is over is sealed when all of it is there."""
        try:
            if self._parts is None:
                self._parts = PartWriter(self._settings.folder, self.process)
            while self._lost:
                span, rows = next(iter(self._lost.items()))
                self._parts.append(span, pack_seen(_left_out(rows)))
                del self._lost[span]
            while self._unsaved:
                self._parts.append(*self._unsaved[0])
                self._unsaved.popleft()
            while self._over:
                self._parts.seal(self._over[0])
                self._over.popleft()
            self.alarm = ""
        except OSError as error:
            self._drop_oldest()
            self._raise(error)

    def _drop_oldest(self) -> None:
        """Of what waits too long only how many rows it was is told in the end."""
        size = sum(len(payload) for _, payload in self._unsaved)
        while size > _MOST_BYTES:
            span, payload = self._unsaved.popleft()
            size -= len(payload)
            came = {name: seen.profile.came for name, seen in unpack_seen(payload).items()}
            self._lost.setdefault(span, Counter()).update(came)

    def _raise(self, error: OSError) -> None:
        alarm = f"windows cannot be written to {self._settings.folder} ({error.strerror}); look at the disk"
        if self._lost:
            alarm += "; rows are left out of them until then"
        if alarm != self.alarm:
            _LOG.error("%s", alarm)
        self.alarm = alarm

    def _tell_once(self, what: str) -> None:
        if what not in self._told:
            self._told.add(what)
            _LOG.error("%s", what)


def _left_out(rows: Mapping[SliceName, int]) -> dict[SliceName, Seen]:
    """Rows of which no more is known than how many they are."""
    return {name: Seen(Profile(0, left_out=count)) for name, count in rows.items()}
