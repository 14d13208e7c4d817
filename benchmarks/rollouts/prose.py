"""What docs/rollouts.md says in words, around its tables."""

from __future__ import annotations

HEAD = """\
# Rollouts, simulated

Written by `python -m benchmarks.rollouts`; edits are lost.

A service answers 50 requests a second. A new release of its model shall take over, and nobody knows whether
it is worse. A *rule* gives it a small share of the requests, watches both releases, and in the end
*promotes* the new one, so that it answers everything, or *rolls it back*. Here that was played {rollouts}
times for each rule in each of {scenarios} situations, *scenarios*, with requests drawn at random: how often
was the rule right, and how many requests paid for finding out? `smallcraft rollout simulate` plays it with
your own settings and traffic.

![For every rule the share of good releases that it rolled back, and the bad requests until a bad release \
was stopped](pictures/rollouts.svg)

## The words

- **False rollback**: the new release was no worse, and was rolled back all the same. smallcraft promises at
  most 5 % (`wrong_rollback`), whatever the error rates and latencies are.
- **Bad request**: it failed, or took longer than 99 % of the old release's requests do.
- **Excess bad requests**: those that the new release answered badly and the old one, with the same luck,
  would not have; counted until the rollout ended. This is the harm, per rollout.
- **Promoted**: the rule let the new release answer everything. Of a worse release that is a miss; the harm
  it does afterwards is not counted.
- **Neither**: a person was asked, or an hour was over (three for the rule that takes three).
- In brackets: 95 % intervals, exact (Clopper-Pearson) for shares, of the mean for numbers.
"""

MADE = """\
## What is simulated

- **Arrivals**: a Poisson process of 50 a second. Which release answers is drawn at the weight that the rule
  has set.
- **Errors**: 1 % of all requests fail, each on its own.
- **Latency**: log-normal up to the 95th percentile, a Pareto tail of index 2.5 beyond; median 20 ms, 99th
  percentile 100 ms.
- **Keys** (`sticky`): a sender always meets the same release. There are 5,000, and the i-th sends `i **
  -1.1` times as often as the first, who sends every sixth request; error rates (log-normal, sigma 1) and
  latencies (sigma 0.4) differ from sender to sender.
- **Incident**: for two minutes, beginning at any time in the first five, 10 % more of the requests to
  either release fail, or all take three times as long.
- **Answers**: eight classes, confidence, and 2 % of rows on which the releases disagree, where 5 % are
  allowed.
- smallcraft's rule is the code that decides in production, not a copy: `serve.rollout.evidence` and
  `serve.rollout.rules`. A test holds that the controller of a server, shipped the same counts, moves at the
  same looks on the same evidence.
- Every rule meets the same worlds: the same arrivals, luck and senders.
"""

NOT_SHOWN = """\
## What this does not show

- **Real traffic.** Failures come one by one, apart from the incident; there is no rhythm of the day, no
  burst, no queue in which one release slows the other. A new release that is slow only until it is warm is
  a slow release to every rule here.
- **Crashes.** Loading, workers that die, memory, and people who intervene are tested with real processes,
  not simulated. Requests count when they arrive, in production when they end.
- **The peers themselves.** Their rules are our implementations, from the sources and documents named
  above. They are flattered: metrics are exact, never late, and in finer bins than a service mesh has. They
  can do more than their guides show: queries of your own, webhooks, comparisons with the old release.
- **What tuning costs.** *Tuned* means chosen with hindsight, of {tried} on these very scenarios: the least
  harm of those with at most 5 % false rollbacks in `fine` that stop 95 % of `errors` and of `slow_tail`.
  Nobody has that; and thresholds that fit this service do not fit another one, or this one during an
  incident.
- **Any regression.** What smallcraft's tests look for (`serve/rollout/guesses.py`) was weighted with such
  regressions in view. Its promise about false rollbacks does not depend on that, its speed does.
- **Every baseline.** Rollouts are simulated in groups of {together}, which share the latencies that were
  seen before the new release's first request; in production each has its own. Intervals of numbers allow
  for that, those of shares do not.
"""
