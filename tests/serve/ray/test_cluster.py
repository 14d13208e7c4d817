"""Which cluster: what a person may write, and what is refused before anything starts."""

from __future__ import annotations

import subprocess
import sys

import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.serve.ray.cluster import check_processors, read_place, refuse_client
from smallcraft.serve.ray.settings import RaySettings

WITHOUT_RAY = """
import sys
sys.modules["ray"] = None
from smallcraft.errors import MissingPartError
from smallcraft.serve.ray.cluster import require_ray
try:
    require_ray()
except MissingPartError as error:
    print(error)
"""


def test_a_place_is_this_machine_or_ray():
    assert (read_place("here"), read_place("ray")) == (False, True)
    with pytest.raises(InvalidInputError, match=r"'here' or 'ray', got 'there'; write --on ray"):
        read_place("there")


def test_a_client_of_a_cluster_is_told_to_become_a_machine_of_it():
    for refuse in (read_place, refuse_client):
        with pytest.raises(
            InvalidInputError, match=r"got the address ray://head:10001 of a client; make this"
        ):
            refuse("ray://head:10001")
    refuse_client("10.0.0.1:6379")


def test_a_cluster_with_too_few_processors_is_refused_with_what_would_fit():
    fits = RaySettings(routers=3, replicas=2, processors=0.25)
    check_processors(fits, has=2.0)
    # Three that read, and two for each of the two releases of a rollout.
    with pytest.raises(
        InvalidInputError, match=r"7 processes .* want 7 of them, .* has 2; write --cpus 0\.28"
    ):
        check_processors(RaySettings(routers=3, replicas=2), has=2.0)


def test_without_ray_the_command_that_installs_it_is_told():
    done = subprocess.run([sys.executable, "-c", WITHOUT_RAY], capture_output=True, text=True, check=True)
    assert "serving on Ray needs ray" in done.stdout
    assert "pip install 'smallcraft[serve,scale]'" in done.stdout
