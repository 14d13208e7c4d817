"""The guarantees, in the order of the loop: what is promised, on what it rests, what breaks it, who keeps it.

Always: a guarantee names the file that keeps it and a test of that file; its numbers come from `cases` alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.guarantees import answers, audits, choices, curves, gates, reused, sealed
from benchmarks.guarantees.cases import Case


@dataclass(frozen=True)
class Guarantee:
    """A promise and its evidence.

    Attributes:
        key: Its name on the command line and of its file.
        title: What it is about.
        promise: In a sentence.
        rests_on: The theorem, or that there is none.
        assumes: What must hold.
        breaks: What happens where it does not, in words.
        file: What keeps it, below the repository's root.
        test: A test of it: file, `::`, name.
        cases: Simulates, or reads what was kept elsewhere.
        page: Where it is measured in full; empty where it is simulated here.
        command: What measures that; empty likewise.
    """

    key: str
    title: str
    promise: str
    rests_on: str
    assumes: tuple[str, ...]
    breaks: str
    file: str
    test: str
    cases: Callable[[], tuple[Case, ...]]
    page: str = ""
    command: str = ""

    @property
    def is_reused(self) -> bool:
        """Whether its cases are read from the results of another command."""
        return bool(self.command)


_INDEPENDENT = "Rows are drawn independently from what the release will meet"
_KEYED = f"{_INDEPENDENT}, or rows that hang together share a declared `key`"
_FIXED = "The bundle was fixed before these rows were looked at"

GUARANTEES = (
    Guarantee(
        "scores",
        "The interval of a score",
        "The printed 95 % interval misses the true score of the bundle in about 5 % of builds.",
        "Accuracy: Clopper-Pearson, exact, so it misses less. Counted scores such as macro-F1: a "
        "bootstrap over cells, widened at its ends; no theorem for few rows, this simulation is the "
        "evidence.",
        (_KEYED, _FIXED),
        "Rows of one sender that stand or fall together, with no `key` declared, look like many rows and are "
        "few: the interval is too narrow and misses far more often.",
        "src/smallcraft/stats/cell_bootstrap.py",
        "tests/stats/test_cell_bootstrap.py::test_the_intervals_cover",
        choices.simulate_scores,
    ),
    Guarantee(
        "gates",
        "PASS and FAIL of a gate on a share",
        "With the truth exactly at the limit a gate says PASS in at most 5 % of builds, and FAIL in at "
        "most 5 %; the rest is UNDECIDED.",
        "Exact binomial bounds (Clopper and Pearson 1934).",
        (_KEYED, _FIXED),
        "Undeclared keys again: FAIL comes several times as often as stated.",
        "src/smallcraft/gates/threeway.py",
        "tests/gates/test_error_rates.py::test_a_share_at_its_limit_fails_no_more_often_than_stated",
        gates.simulate_shares,
    ),
    Guarantee(
        "gaps",
        "PASS and FAIL of a gate on a gap between groups",
        "With the true gap exactly at the tolerance, on either side, a gate says PASS in at most 5 % of "
        "builds, and FAIL in at most 5 %.",
        "The wider of a score test and of exact bounds; checked by counting every outcome for small groups "
        "(`python -m benchmarks gates`).",
        (_KEYED, _FIXED, "The group column is right"),
        "Wrong group labels pull groups together, so a true gap looks smaller than it is.",
        "src/smallcraft/stats/share_gaps.py",
        "tests/gates/test_error_rates.py::test_a_group_gap_at_its_limit_fails_no_more_often_than_stated",
        gates.simulate_gaps,
    ),
    Guarantee(
        "slices",
        "A gate over many slices",
        "With every slice exactly at its limit, or no gap at all, the chance that any slice FAILs is at "
        "most 5 %.",
        "Bonferroni over the slices judged together.",
        (_KEYED, "All slices are judged by one gate; ten gates are ten chances"),
        "Slices that are each judged as if they were the only one.",
        "src/smallcraft/gates/threeway.py",
        "tests/gates/test_error_rates.py::test_of_ten_slices_at_the_limit_any_fails_no_more_often_than_stated",
        gates.simulate_slices,
    ),
    Guarantee(
        "choice",
        "The cheapest that is good enough",
        "A cheaper candidate that is worse than the best by the margin or more is released in at most 5 % of "
        "builds.",
        "One-sided bounds of paired differences: Tango's for accuracy, a bootstrap over cells for other "
        "scores. The error is that of one comparison.",
        (_KEYED, "One candidate at a time is at the margin"),
        "Several candidates that are all worse by exactly the margin: each has its own 5 %, and any may slip "
        "through. Truly worse ones, by twice the margin, practically never do.",
        "src/smallcraft/evaluate/choice/decide.py",
        "tests/evaluate/choice/test_decide.py::"
        "test_a_candidate_exactly_at_the_margin_is_called_good_enough_no_more_often_than_alpha",
        choices.simulate_choice,
    ),
    Guarantee(
        "sealed",
        "A score on the metered test set",
        "Whatever was fitted to earlier answers, the chance that any told score lies farther above the "
        "truth than its printed bound is at most 5 %.",
        "A union over all that the bits told so far can say, with Hoeffding (Dwork et al. 2015).",
        (
            "The rows are independent of each other, and sealed: every look goes through the ledger",
            "The score is an average over rows, such as accuracy; for macro-F1 the bound is a yardstick only",
        ),
        "Answers from beside the ledger: a hundred suffice to fool the bound of a first look.",
        "src/smallcraft/evaluate/meter/bits.py",
        "tests/attacks/test_ledger_attacks.py::"
        "test_the_boosting_attack_reaches_far_with_exact_answers_and_nowhere_through_the_ledger",
        sealed.simulate_looks,
    ),
    Guarantee(
        "latency",
        "Claims on latency",
        "A bundle compared with itself is called faster or slower, or fails its gate, in at most 5 % of "
        "sessions.",
        "Order statistics for quantiles, blocks of processes by turns for ratios.",
        (
            "Fresh processes, by turns, on one machine",
            "Slow spells of the machine come and go within a session; if not, the A/A check says UNDECIDED",
        ),
        "See the next guarantee for latencies that hang together.",
        "src/smallcraft/evaluate/costs/compare.py",
        "tests/evaluate/costs/test_compare.py::"
        "test_a_bundle_is_called_faster_than_itself_no_oftener_than_the_level_says",
        reused.read_false_claims_on_latency,
        page="BENCHMARKS.md",
        command="python -m benchmarks latency",
    ),
    Guarantee(
        "quantiles",
        "The interval of p95 latency",
        "The printed 95 % interval misses the true 95th percentile in at most 5 % of measurements.",
        "Order statistics; nothing is assumed of the distribution.",
        ("Latencies are independent",),
        "Slow spells: latencies that hang together are worth fewer than they are, and the interval is "
        "too narrow. So costs are measured in several processes, and one that is not steady is told.",
        "src/smallcraft/stats/intervals.py",
        "tests/stats/test_intervals.py::test_order_statistics_bound_a_quantile_as_often_as_they_say",
        gates.simulate_quantiles,
    ),
    Guarantee(
        "budgets",
        "The error budget of answers",
        "Where a bundle says that at most 5 % of its answers are wrong, the true share is above that in "
        "at most 5 % of builds.",
        "Exact bounds, tried from a cautious threshold down until one fails: one error for all of them.",
        (
            f"{_INDEPENDENT}; a declared `key` does not help here yet (`models/decisions.py` says so)",
            "Production is like the rows that the threshold was found on",
        ),
        "A production in which labels loosen from texts breaks it at once, which is what watching is "
        "for; rows that repeat each other count as more than they are.",
        "src/smallcraft/stats/decisions.py",
        "tests/models/test_decisions.py::test_the_promise_is_kept_at_its_level_and_an_uncorrected_one_is_not",
        answers.simulate_budgets,
    ),
    Guarantee(
        "sets",
        "Sets of labels with a promised coverage",
        "At a coverage of 90 % the set leaves out the true label of at most 10 % of new rows, on average "
        "over builds.",
        "Split conformal prediction: exact for exchangeable rows, whatever the model. On average: one "
        "build may be a little below, another above.",
        ("New rows are exchangeable with those that the limit was fitted on",),
        "Production that has changed: the sets stay as small and hold the true label less often.",
        "src/smallcraft/models/decisions.py",
        "tests/models/test_decisions.py::test_sets_hold_the_true_label_as_often_as_promised",
        answers.simulate_sets,
    ),
    Guarantee(
        "labels",
        "The share of right labels by an audit",
        "The 95 % interval of the share of right labels, from 120 or 300 rows that a person looked at, "
        "misses the true share in about 5 % of audits, however bad the model is that hinted at doubtful "
        "rows.",
        "Horvitz-Thompson with Wilson's interval at the effective size; no theorem for few rows, this "
        "simulation is the evidence.",
        ("The rows are those that were drawn, all of them", "The person who looks is right"),
        "Looking at doubtful rows only, or a person who slips in a twentieth of the rows: the estimate is of "
        "something else, and no interval helps.",
        "src/smallcraft/stats/stratified.py",
        "tests/stats/test_stratified.py::"
        "test_audits_cover_the_truth_at_least_93_times_in_100_and_are_unbiased",
        audits.simulate_label_audits,
    ),
    Guarantee(
        "groups",
        "Gaps between groups that are more than noise",
        "Where a model serves all groups equally, the fairness audit claims any gap in at most 5 % of "
        "audits.",
        "Bonferroni over all gaps of the audit.",
        (_KEYED,),
        "Gaps that are each claimed by their own interval: with a dozen groups some gap is nearly always "
        "there.",
        "src/smallcraft/evaluate/audits/fairness.py",
        "tests/evaluate/audits/test_fairness.py::"
        "test_an_unbiased_model_is_rarely_said_to_treat_groups_unlike",
        audits.simulate_groups,
    ),
    Guarantee(
        "failures",
        "Slices in which errors concentrate",
        "Where errors depend on nothing, a failing slice is confirmed in at most 5 % of audits, however many "
        "conditions were looked through.",
        "Fisher's exact test on a half of the rows that the search never saw, corrected for the slices "
        "tested.",
        (_KEYED,),
        "Confirming on the rows that were searched: a slice is found nearly always. Senders that are not "
        "declared sit in both halves and confirm themselves.",
        "src/smallcraft/evaluate/failures/concentration.py",
        "tests/evaluate/failures/test_concentration.py::"
        "test_errors_that_depend_on_nothing_give_a_slice_in_at_most_5_percent_of_runs",
        audits.simulate_slices,
    ),
    Guarantee(
        "canaries",
        "The lower bound of epsilon",
        "Where training is private to some epsilon, the printed lower bound exceeds it in at most 5 % of "
        "audits.",
        "Steinke, Nasr and Jagielski (2023), theorem 5.2, the error shared between the counts of guesses.",
        (
            "Each canary was put in or left out by a fair coin of its own",
            "The scores know nothing of the coins",
        ),
        "Picking the number of guesses afterwards. And the bound is a lower one: 0 means that nothing "
        "was shown, never that nothing leaks.",
        "src/smallcraft/stats/attacks.py",
        "tests/stats/test_attacks.py::"
        "test_scores_that_know_nothing_prove_something_in_at_most_5_percent_of_runs",
        audits.simulate_canaries,
    ),
    Guarantee(
        "curves",
        "What more labels would buy",
        "The 95 % interval of a learning curve misses the loss that is then measured with twice the rows "
        "in about 5 % of projects.",
        "A power law with an unknown floor, fitted to bootstrap draws; no theorem, this simulation is the "
        "evidence.",
        ("Losses fall by a power law", "The further rows come from the same source"),
        "A loss that falls off a cliff between what was measured and what is foretold: nothing in the points "
        "tells of it.",
        "src/smallcraft/stats/learning_curve.py",
        "tests/stats/test_learning_curve.py::"
        "test_a_measured_loss_falls_into_its_interval_as_often_as_promised",
        curves.simulate_curves,
    ),
    Guarantee(
        "deltas",
        "The difference between two releases",
        "The 95 % interval of a difference misses the true one in about 5 % of releases.",
        "Paired on the rows that both saw: Tango's interval for accuracy, a bootstrap over cells for "
        "other scores.",
        (_KEYED, "Neither release was picked on these rows"),
        "The best of many candidates picked on the very rows of the comparison looks better than it is. "
        "A release is chosen on dev, so its difference on dev flatters it a little; the one on the "
        "sealed rows does not.",
        "src/smallcraft/stats/comparisons.py",
        "tests/stats/test_comparisons.py::test_paired_intervals_cover",
        choices.simulate_deltas,
    ),
    Guarantee(
        "tampering",
        "A registry that shows tampering",
        "Whoever changes, drops, reorders or puts back anything in a registry, without every key and "
        "every copy, is noticed by the next normal command.",
        "SHA-256, Ed25519 and a Merkle tree whose root was seen before.",
        (
            "Some checkpoint is held elsewhere: a pin on another machine, a printed card, a clone",
            "SHA-256 and Ed25519 hold",
        ),
        "An owner who rewrites every copy, key and pin: evidence begins with the first checkpoint held "
        "elsewhere.",
        "src/smallcraft/registry/verify/registry.py",
        "tests/benchmarks/faults/test_page.py::test_smallcraft_is_silent_under_no_fault_of_the_kept_page",
        reused.read_silent_faults,
        page="docs/faults.md",
        command="python -m benchmarks.faults",
    ),
    Guarantee(
        "rollbacks",
        "A rollout's wrong rollback",
        "A release that is no worse is rolled back in at most 5 % of rollouts (`wrong_rollback`), "
        "however often anybody looks.",
        "E-values: the chance that one ever exceeds 1 / alpha is at most alpha (Ville 1939).",
        (
            "Requests are dealt to the releases by chance, by key where senders are declared",
            "What happens to both releases at once, such as an incident, does not break it",
        ),
        "Dealing that is not by chance: a canary that gets the heavy senders is judged for them.",
        "src/smallcraft/serve/rollout/evidence.py",
        "tests/serve/rollout/test_evidence.py::"
        "test_looking_at_the_worst_time_rolls_a_release_back_wrongly_no_more_often_than_stated",
        reused.read_wrong_rollbacks,
        page="docs/rollouts.md",
        command="python -m benchmarks.rollouts",
    ),
    Guarantee(
        "alarms",
        "False alarms of the guardrail",
        "While nothing changes, at most 0.1 false alarms a month (`false_alarms_per_month`), over all "
        "columns and segments together.",
        "Conformal ranks among past windows of the same season, bet against by e-values; exact for "
        "exchangeable windows.",
        ("Windows are exchangeable with past windows of the same season", "The season is declared"),
        "Windows that hang together are not exchangeable: the rule forecasts them from each other, and "
        "`wanders` says how far that carries. A rhythm that nobody declared cost no false alarm in the world "
        "here; a change has to stand out from it instead of from its own hour.",
        "src/smallcraft/stats/sequences/window_streams.py",
        "tests/stats/sequences/test_window_streams.py::test_false_alarms_stay_within_the_budget",
        reused.read_false_alarms,
        page="docs/drift.md",
        command="python -m benchmarks.drift",
    ),
    Guarantee(
        "rounds",
        "What a round of labelling bought",
        "The 95 % interval of the gain that a campaign prints misses the gain on other rows in about 5 % "
        "of rounds.",
        "Paired on rows frozen before the round.",
        ("The frozen rows were drawn from all rows, and no answer of the round touched them",),
        "The official tests that the gain is held against here are samples too, which makes misses "
        "likelier than stated; so few rounds decide little.",
        "src/smallcraft/label/measuring.py",
        "tests/label/test_measuring.py::test_the_interval_covers_the_gain_on_all_rows_as_often_as_it_says",
        reused.read_campaigns,
        page="docs/campaigns.md",
        command="python -m benchmarks.campaigns",
    ),
)
BY_KEY = {one.key: one for one in GUARANTEES}
