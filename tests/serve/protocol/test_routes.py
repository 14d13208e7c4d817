"""What a method and a path ask for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.serve.protocol.routes import Route, find_route
from smallcraft.serve.questions import Refusal


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("GET", "/v2", Route("server")),
        ("GET", "/v2/", Route("server")),
        ("GET", "/v2/health/live", Route("live")),
        ("HEAD", "/v2/health/ready", Route("ready")),
        ("GET", "/v2/models/a", Route("model", "a")),
        ("GET", "/v2/models/a/versions/3", Route("model", "a", "3")),
        ("GET", "/v2/models/a/ready", Route("model_ready", "a")),
        ("GET", "/v2/models/a/versions/3/ready", Route("model_ready", "a", "3")),
        ("POST", "/v2/models/a/infer", Route("infer", "a")),
        ("POST", "/v2/models/a/versions/3/infer", Route("infer", "a", "3")),
        ("POST", "/predict", Route("predict")),
        ("POST", "/predict/a", Route("predict", "a")),
        ("POST", "/predict/a/versions/3", Route("predict", "a", "3")),
        ("GET", "/metrics", Route("metrics")),
        ("GET", "/openapi.json", Route("openapi")),
        ("GET", "/v2/rollouts/r1/verdict", Route("verdict", rollout="r1")),
    ],
)
def test_a_path_is_found(method, path, route):
    assert find_route(method, path) == route


def test_the_dollar_signs_of_the_published_document_are_forgiven():
    """Its paths are written `${MODEL_NAME}`, and a client generated from it sends the sign."""
    assert find_route("POST", "/v2/models/$a/versions/$3/infer") == Route("infer", "a", "3")


@pytest.mark.parametrize(("method", "path", "wanted"), [("GET", "/predict", "POST"), ("POST", "/v2", "GET")])
def test_another_method_is_refused_with_the_one_that_is_wanted(method, path, wanted):
    refusal = find_route(method, path)
    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.headers) == (405, {"allow": wanted})
    assert f"wants {wanted}, got {method}" in refusal.message


@given(st.sampled_from(["GET", "POST", "PUT"]), st.text(max_size=300))
def test_any_other_path_is_refused_in_few_words(method, path):
    refusal = find_route(method, "/nowhere/" + path)
    assert isinstance(refusal, Refusal)
    assert refusal.status == 404
    assert len(refusal.message) < 1200


@pytest.mark.parametrize(
    "path", ["", "/", "/v2/models", "/v2/models//infer", "/v2/models/a/config", "/predict/"]
)
def test_what_looks_alike_is_not_found(path):
    assert isinstance(find_route("GET", path), Refusal)
