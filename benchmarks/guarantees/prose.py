"""What docs/guarantees.md says in words, around its tables."""

from __future__ import annotations

HEAD = """\
# What is guaranteed, and under which assumptions

Written by `python -m benchmarks.guarantees`; edits are lost.

smallcraft says things that may be wrong: a gate says PASS, an interval holds a score, an alarm says that
something changed. You state how often it may be wrong. This page shows how often it is, where the truth is
known: rows are drawn at random with a fixed seed, the product's own functions are asked, and errors are
counted. Every promise rests on assumptions; where one is broken on purpose, the page shows what happens then.

## The words

- **Stated**: how often the promise may fail.
- **Found**: how often it did, with an exact 95 % interval (faults: each was made once).
- **kept**: the whole interval is at or below what is stated. **within chance**: what is stated lies in the
  interval, so these draws cannot tell. **exceeded**: the whole interval is above what is stated.
- **Independent rows**: knowing that one row is answered wrongly says nothing of another. Ten messages of one
  sender are not independent; declare the sender as `key`.
- **Exchangeable windows**: shuffled, they would look the same to anybody who does not know their order.
"""

NOT_PROMISED = """\
## What is not promised

- **That production stays as the data were.** No bound made before a change survives it; watching tells of it.
- **That labels are right.** Every score is one against the labels given; an audit says how many are wrong.
- **That a model is fair or private.** *No gap shown* and *no evidence found* say what the rows could show.
- **That UNDECIDED is rare.** It is the price of these promises where rows are few, and says what would settle
  it.
- **Anything over many projects at once.** 5 % of wrong PASSes are 5 % of builds, for each gate whose truth is
  at its limit; whoever runs a hundred gates meets some.
- **That the worlds here are yours.** They are simple: two to twenty classes, one cause at a time. They can
  show a promise broken and cannot prove it for every world; that is for the theorem named beside it, where
  there is one.
"""
