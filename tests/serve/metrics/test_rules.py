"""The rules, judged by Prometheus' own promtool: whether they load, when each alert fires, and when not."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml
from tests.conftest import require, why_no_promtool
from tests.serve.metrics.test_panels import EXPRESSIONS, VARIABLES

from smallcraft.errors import InvalidInputError
from smallcraft.serve.metrics.families import FAMILIES
from smallcraft.serve.metrics.rules import FAST, LEAST_AVAILABILITY, SLOW, Burn, Promise, write_rules

PROMISED = Promise(0.999, 0.25)
RULES = [rule for group in yaml.safe_load(write_rules(PROMISED))["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
ROLLOUT = 'model="helpdesk", rollout="r1", release="helpdesk@4"'
ARM = 'model="helpdesk", release="helpdesk@3", arm="stable"'
UP = ("smallcraft_routers", "2x6000")


def requests(failed_share, *, minutes=6000, start=0):
    """Counters of 1,000 requests a minute, so many of them failed."""
    failed, good = round(1000 * failed_share), 1000 - round(1000 * failed_share)
    return (
        (f'smallcraft_requests_total{{{ARM}, code="200"}}', f"{start}+{good}x{minutes}"),
        (f'smallcraft_requests_total{{{ARM}, code="503"}}', f"{start}+{failed}x{minutes}"),
    )


def phase(name):
    return (f'smallcraft_rollout_phase{{{ROLLOUT}, phase="{name}"}}', "1x6000")


def evidence(value):
    return (
        (f'smallcraft_rollout_e_value{{{ROLLOUT}, guardrail="combined"}}', f"{value}x6000"),
        (f'smallcraft_rollout_threshold{{{ROLLOUT}, decision="hold"}}', "5x6000"),
    )


def durations(seconds):
    """1,000 requests a minute that all lie in the bucket up to so many seconds."""
    name = "smallcraft_request_duration_seconds_bucket"
    return tuple(
        (f'{name}{{{ARM}, le="{bound}"}}', f"0+{1000 if seconds <= float(bound) else 0}x6000")
        for bound in ("0.1", "0.2", "0.4", "0.8", "+Inf")
    )


# Of each alert: series, minute, labels that fire.
FIRES = {
    "SmallcraftAbsent": ((("smallcraft_build_info", "1x6000"),), 6, [{}]),
    "SmallcraftNeedsPerson": (
        (UP, ('smallcraft_alarm_active{alarm="the disk is full"}', "1x6000")),
        1,
        [{"alarm": "the disk is full"}],
    ),
    "SmallcraftRolledBack": (
        (UP, phase("rolled_back")),
        1,
        [{"model": "helpdesk", "rollout": "r1", "release": "helpdesk@4"}],
    ),
    "SmallcraftRolloutFrozen": (
        (UP, phase("frozen")),
        1,
        [{"model": "helpdesk", "rollout": "r1", "release": "helpdesk@4"}],
    ),
    "SmallcraftRolloutHeld": (
        (UP, *evidence(6), phase("canary")),
        1,
        [{"model": "helpdesk", "rollout": "r1", "release": "helpdesk@4"}],
    ),
    "SmallcraftFailuresBurnFast": ((UP, *requests(0.02)), 70, [{}]),
    "SmallcraftFailuresBurnSlowly": ((UP, *requests(0.002)), 4400, [{}]),
    "SmallcraftSlow": ((UP, *durations(0.8)), 80, [{"model": "helpdesk"}]),
}
# Of each alert: what looks like it and is not.
QUIET = {
    "SmallcraftAbsent": ((UP,), 60),
    "SmallcraftNeedsPerson": ((UP, ('smallcraft_alarm_active{alarm="x"}', "0x6000")), 60),
    "SmallcraftRolledBack": ((UP, phase("done")), 60),
    "SmallcraftRolloutFrozen": ((UP, phase("canary")), 60),
    "SmallcraftRolloutHeld": ((UP, *evidence(4.9), phase("canary")), 60),
    # a burst that is over: the hour still remembers it, the last five minutes do not
    "SmallcraftFailuresBurnFast": ((UP, *requests(0.001)), 400),
    "SmallcraftFailuresBurnSlowly": ((UP, *requests(0.0)), 4400),
    "SmallcraftSlow": ((UP, *durations(0.2)), 80),
}


@pytest.fixture
def promtool(tmp_path):
    require(why_no_promtool())
    (tmp_path / "rules.yaml").write_text(write_rules(PROMISED), encoding="utf-8")

    def call(*words):
        return subprocess.run(
            ["promtool", *words], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
        )

    return call


def filled(text, labels):
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: labels[found[1]], text)


def alert_test(alert, series, minute, fires):
    """One unit test of promtool; annotations are those of the rule with its labels filled in."""
    rule = ALERTS[alert]
    expected = []
    for labels in fires:
        told = {name: filled(text, labels) for name, text in rule["annotations"].items()}
        expected.append({"exp_labels": {**rule["labels"], **labels}, "exp_annotations": told})
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series],
        "alert_rule_test": [{"eval_time": f"{minute}m", "alertname": alert, "exp_alerts": expected}],
    }


def judged(promtool, tmp_path, tests):
    latest = max(int(test["alert_rule_test"][0]["eval_time"].rstrip("m")) for test in tests)
    # Days are gone through in longer steps, which takes promtool less time. A value holds for five minutes:
    # with steps as long, an alert would miss those of a group that is evaluated after its own.
    every = "4m" if latest > 1000 else "1m"
    told = {"rule_files": ["rules.yaml"], "evaluation_interval": every, "tests": tests}
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    return promtool("test", "rules", "tests.yaml")


def test_promtool_loads_them(promtool):
    done = promtool("check", "rules", "rules.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(RULES)} rules found" in done.stdout


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not():
    assert set(FIRES) == set(ALERTS) == set(QUIET)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_fires_when_it_should(alert, promtool, tmp_path):
    series, minute, labels = FIRES[alert]
    test = alert_test(alert, series, minute, labels)
    if alert == "SmallcraftSlow":
        (told,) = test["alert_rule_test"][0]["exp_alerts"]
        summary = "helpdesk answers 95 of 100 requests within 780ms only"
        told["exp_annotations"] = {**told["exp_annotations"], "summary": summary}
    done = judged(promtool, tmp_path, [test])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_quiet_when_it_should_be(alert, promtool, tmp_path):
    series, minute = QUIET[alert]
    done = judged(promtool, tmp_path, [alert_test(alert, series, minute, [])])
    assert done.returncode == 0, done.stdout + done.stderr
    # and the judge is no dummy: the case in which it fires is not quiet
    series, minute, _ = FIRES[alert]
    assert judged(promtool, tmp_path, [alert_test(alert, series, minute, [])]).returncode == 1


def test_a_burst_that_is_over_wakes_nobody(promtool, tmp_path):
    bad = f'smallcraft_requests_total{{{ARM}, code="503"}}'
    good = f'smallcraft_requests_total{{{ARM}, code="200"}}'
    burst = ((UP), (bad, "0+100x10 1000+0x200"), (good, "0+900x10 9000+1000x200"))
    (during,) = ALERTS["SmallcraftFailuresBurnFast"]["labels"].items()
    quiet = alert_test("SmallcraftFailuresBurnFast", burst, 45, [])
    # the hour has 1,000 failures in 45,000 requests, 22 times what is allowed; half an hour has none
    done = judged(promtool, tmp_path, [quiet])
    assert done.returncode == 0, done.stdout + done.stderr
    assert during == ("severity", "page")
    fires = alert_test("SmallcraftFailuresBurnFast", burst, 10, [{}])
    assert judged(promtool, tmp_path, [fires]).returncode == 0


def test_requests_that_were_turned_away_count_as_failed_and_mistakes_of_clients_do_not(promtool, tmp_path):
    away = (UP, *requests(0.0), ('smallcraft_refusals_total{reason="overload"}', "0+50x6000"))
    theirs = (UP, *requests(0.0), ('smallcraft_refusals_total{reason="invalid"}', "0+50x6000"))
    tests = [
        alert_test("SmallcraftFailuresBurnFast", away, 70, [{}]),
        alert_test("SmallcraftFailuresBurnFast", theirs, 70, []),
    ]
    done = judged(promtool, tmp_path, tests)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_server_that_nobody_asks_burns_nothing(promtool, tmp_path):
    test = alert_test("SmallcraftFailuresBurnFast", (UP,), 400, [])
    done = judged(promtool, tmp_path, [test])
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_expression_of_the_dashboard_is_one_that_promtool_takes(promtool, tmp_path):
    rules = []
    for number, expression in enumerate(EXPRESSIONS):
        for name, text in VARIABLES.items():
            expression = expression.replace(name, text)
        rules.append({"record": f"panel:{number}", "expr": expression})
    (tmp_path / "panels.yaml").write_text(
        yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8"
    )
    done = promtool("check", "rules", "panels.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_ask_for_metrics_that_are_served_with_labels_that_they_have():
    for rule in RULES:
        for name, part, matchers in re.findall(
            r"\b(smallcraft_\w+?)(_bucket|_sum|_count)?(?:\{([^}]*)\}|(?![\w{]))", rule["expr"]
        ):
            family = FAMILIES[name]
            assert bool(part) is (family.kind == "histogram")
            assert set(re.findall(r"(\w+)=", matchers)) <= set(family.labels)
        for name in re.findall(r"smallcraft:[\w:]+", rule["expr"]):
            assert name in RECORDED


def test_limits_follow_from_what_was_promised():
    assert [burn.rate for burn in (*FAST, *SLOW)] == [14.4, 6.0, 1.0]
    strict = yaml.safe_load(write_rules(Promise(0.9999)))["groups"][1]["rules"]
    expressions = {rule["alert"]: rule["expr"] for rule in strict}
    assert "(14.4 * 0.0001)" in expressions["SmallcraftFailuresBurnFast"]
    assert "SmallcraftSlow" not in expressions
    assert ALERTS["SmallcraftSlow"]["expr"].endswith("> 0.25")


@pytest.mark.parametrize("availability", [0.0, 0.5, LEAST_AVAILABILITY, 1.0, 99.9])
def test_an_availability_that_no_alert_could_follow_from_is_refused(availability):
    with pytest.raises(InvalidInputError, match=r"write 0.999 for 99.9 %"):
        write_rules(Promise(availability))


def test_nothing_but_failures_for_an_hour_is_faster_than_any_limit():
    for burn in (*FAST, *SLOW):
        assert isinstance(burn, Burn)
        assert burn.rate * (1 - LEAST_AVAILABILITY) <= 1 + 1e-9
