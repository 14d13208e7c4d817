"""What a server on Ray is told: what cannot be served is refused by name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.serve.running import sources

from smallcraft.errors import BundleFormatError, InvalidInputError
from smallcraft.serve.loading.limits import LoadLimits
from smallcraft.serve.ray.settings import RaySettings, check_ray_settings, open_tried


def test_the_usual_settings_are_fine():
    check_ray_settings(RaySettings())


@pytest.mark.parametrize("wrong", [{"routers": 0}, {"replicas": 0}, {"processors": 0.0}, {"processors": 100}])
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(InvalidInputError, match="must be"):
        check_ray_settings(replace(RaySettings(), **wrong))


def test_a_release_is_opened_when_a_child_under_limits_could(tmp_path):
    source = sources(tmp_path)[0]
    assert open_tried(source, LoadLimits()).heads[""].digest == source.digest
    with pytest.raises(BundleFormatError, match=r"m@1 is not served, since loading it went wrong"):
        open_tried(source, LoadLimits(files=1))
