import itertools

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from tests.serve.metrics.shown import ODD, counted, reading

from smallcraft.serve.metrics.families import FAMILIES
from smallcraft.serve.metrics.prometheus import write_page
from smallcraft.serve.metrics.reading import Reading
from smallcraft.serve.metrics.totals import Totals

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def samples(shown, accept=""):
    page = write_page(shown, accept=accept)
    parse = parse_openmetrics if accept else parse_text
    families = list(parse(page.body.decode("utf-8")))
    return families, {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def value(found, name, **labels):
    return found[(name, *sorted(labels.items()))]


ARM = {"model": "helpdesk", "release": "helpdesk@3", "arm": "stable"}
NEW = {"model": "helpdesk", "release": "helpdesk@4", "arm": "canary"}


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_a_page_is_read_by_the_clients_own_parser_and_holds_every_family(accept):
    families, _ = samples(reading(), accept)
    kinds = {family.name: family.type for family in families}
    wanted = {name.removesuffix("_total"): family.kind for name, family in FAMILIES.items()}
    assert kinds == wanted


def test_the_page_says_which_form_it_has():
    assert write_page(reading()).content_type.startswith("text/plain")
    page = write_page(reading(), accept=OPENMETRICS)
    assert page.content_type.startswith("application/openmetrics-text")
    assert page.body.endswith(b"# EOF\n")


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_a_label_with_quotes_and_line_ends_comes_back_as_it_was(accept):
    totals = counted()
    _, found = samples(reading(totals), accept)
    stable = next(part for part in totals.traffic() if part.arm == "stable")
    assert value(found, "smallcraft_answers_total", **ARM, **{"class": ODD}) == stable.classes[ODD]


def test_half_a_surrogate_pair_does_not_break_the_page():
    shown = Reading(totals=Totals(), version="1", alarms=("broken \ud800",))
    assert b"broken ?" in write_page(shown).body


def test_a_histogram_counts_all_answers_at_or_below_each_edge():
    totals = counted()
    _, found = samples(reading(totals))
    stable = next(part for part in totals.traffic() if part.arm == "stable")
    name = "smallcraft_request_duration_seconds"
    buckets = {
        dict(key[1:])["le"]: count
        for key, count in found.items()
        if key[0] == f"{name}_bucket" and ("arm", "stable") in key
    }
    edges = sorted(buckets, key=float)
    assert len(edges) < 60
    assert [buckets[edge] for edge in edges] == sorted(buckets.values())
    assert buckets["+Inf"] == value(found, f"{name}_count", **ARM) == stable.latency.sum()
    # One answer took 100 seconds, which is above every edge.
    assert buckets[edges[-2]] == stable.latency.sum() - 1
    assert value(found, f"{name}_sum", **ARM) == pytest.approx(stable.seconds)
    shown, coarse = [float(edge) for edge in edges[:-1]], 1.45
    assert all(later / earlier < coarse for earlier, later in itertools.pairwise(shown))


def test_counts_by_status_failures_and_retries_are_told_apart():
    _, found = samples(reading())
    assert value(found, "smallcraft_requests_total", **ARM, code="503") == 1
    assert value(found, "smallcraft_failures_total", **ARM) == 1
    assert value(found, "smallcraft_failures_total", **NEW) == 1
    assert value(found, "smallcraft_retries_total", **NEW) == 1
    assert value(found, "smallcraft_unclassified_rows_total", **ARM) == 1
    assert value(found, "smallcraft_refusals_total", reason="too_large") == 1


def test_a_rollout_is_shown_with_one_phase_and_its_evidence():
    _, found = samples(reading())
    rollout = {"model": "helpdesk", "rollout": "r1", "release": "helpdesk@4"}
    phases = {
        dict(key[1:])["phase"]: shown for key, shown in found.items() if key[0] == "smallcraft_rollout_phase"
    }
    assert len(phases) == 7
    assert {phase for phase, shown in phases.items() if shown} == {"canary"}
    assert value(found, "smallcraft_rollout_e_value", **rollout, guardrail="latency") == 3.25
    assert value(found, "smallcraft_rollout_threshold", **rollout, decision="roll_back") == 20
    assert value(found, "smallcraft_rollout_weight_ratio", **rollout) == 0.05


def test_what_was_not_measured_has_no_sample():
    _, found = samples(Reading(totals=Totals(), version="1"))
    names = {key[0] for key in found}
    assert not {name for name in names if "rollout" in name or "worker" in name or "alarm" in name}
    assert ("smallcraft_build_info", ("version", "1")) in found
