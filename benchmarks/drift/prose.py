"""What docs/drift.md says in words, around its tables."""

from __future__ import annotations

HEAD = """\
# Watching for drift, played

Written by `python -m benchmarks.drift`; edits are lost.

A service answers 500 rows an hour, of 20 columns of numbers. Each hour is a *window*; 720 of them are a
month. A *rule* looks at one window after the other and says whether something has changed. Two questions
decide whether people go on listening to it: how often does it raise an alarm when nothing has changed, and
how many windows does it take when something has? Here both were played with rows drawn at random, for this
project's guardrail and for five libraries, on the same windows; and then with real data.

![For every rule the false alarms a month in quiet worlds, and the windows until a change is \
seen](pictures/drift.svg)

## The words

- **World**: what traffic is like while nothing changes. Real traffic hangs together in time; a rule that
  takes 500 rows for 500 independent facts is wrong about it.
- **False alarm**: a window in which an alarm is raised though nothing has changed. smallcraft is given a
  budget of 0.1 a month (`false_alarms_per_month`), over all columns together. After an alarm a person says at
  once that nothing had changed, and it watches on.
- **Delay**: windows from the change to the alarm, the one that raises it included; 1 is at once. Where no
  alarm came in {horizon} windows it counts as {horizon}, so a mean is then too small.
- In brackets: 95 % intervals, exact (Poisson) for false alarms, of the mean for delays.
- smallcraft learns from the windows themselves, and judges them as soon as it can. Each stream is two months
  long, from its first window on.
"""

DELAYS = """\
A delay says little of a rule that alarms in every other window anyway: its first alarm after a change is
luck. The last column says which rules these are.
"""

MADE = """\
## What is played

- **Rows**: normal numbers of 20 independent columns, but where a world says otherwise; 500 a window. The
  release was certified on 24 other windows of the same world, one of each hour of the day: 12,000 rows, which
  every rule has as its reference (NannyML instead the whole month before, as its guide has it).
- **smallcraft**: real profiles of the rows, measured by the library's own functions, default settings. The
  windows are weighed by a compiled twin of the library's streams; tests hold that it gives the same evidence
  window by window, and that a `Watcher` on stored windows says what the library says here. The detector was
  developed with simulations of this kind in view. It was changed after these very streams of `wanders` and
  `rare`, and the questions of clinc150 (seeds 0 to 2, and others that are not here), had shown false alarms
  far beyond the budget or long delays; so these are no test of it any more, the other worlds are.
- **Peers**: the packages themselves, in environments of their own, on the very same windows (a digest of them
  is compared): the first 240 after the first month, of some all 720. Evidently's tests are called as its
  report calls them, since a report of a window takes seconds; {compared}.
- **Changes** happen in world `iid`, after the quiet month.
"""

NOT_SHOWN = """\
## What this does not show

- **Texts, categories, answers.** The streams are numbers. The guardrail watches more (see the real data), and
  each further column makes its evidence thinner.
- **Other settings of the peers.** They can be given other thresholds, methods and corrections; nobody here
  chose any. A threshold that keeps one of these worlds quiet is not the one that keeps another.
- **Peers that count in time.** alibi-detect has online detectors that are set by an expected run time, in
  rows; one false alarm in ten months is 3,600,000 rows here, and its thresholds are found by simulating many
  times that. They were not run.
- **Slow drifts that become the past.** A guardrail that learns from the past takes what comes slowly enough
  for normal; `slowly` is not that slow.
- **A first month that is not quiet.** What happens while it learns is learned.
"""
