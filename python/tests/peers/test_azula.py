"""azula's samplers on its schedules, beside ours."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gaussmeter as gm
import numpy as np
import pytest
from gaussmeter import azula as adapter

torch = pytest.importorskip("torch", reason="torch is not installed: no probe of its code")
sample = pytest.importorskip("azula.sample", reason="azula is not installed")
noise = pytest.importorskip("azula.noise", reason="azula is not installed")

SAMPLERS = [
    ("DDPMSampler", {}, "ddpm-ancestral"),
    ("DDIMSampler", {"eta": 0.0}, "ddim"),
    # A part of the variance there, of the deviation in the publication.
    ("DDIMSampler", {"eta": 0.25}, "ddim:eta=0.5"),
    ("EulerSampler", {}, "ddim"),
    ("HeunSampler", {}, "edm"),
    ("zABSampler", {}, "lms:order=2"),
    ("vABSampler", {}, "lms:order=2"),
    ("xEABSampler", {}, "exponential-adams-bashforth:order=2"),
    ("zEABSampler", {}, "exponential-adams-bashforth:order=2,prediction=noise"),
]


@pytest.mark.parametrize(
    "schedule", ["VESchedule", "VPSchedule", "CosineSchedule", "RectifiedSchedule"]
)
@pytest.mark.parametrize(("name", "options", "sampler"), SAMPLERS)
def test_w2_is_that_of_our_sampler(
    schedule: str, name: str, options: dict[str, Any], sampler: str, tmp_path: Any
) -> None:
    schedules = getattr(noise, schedule)()
    denoiser = SimpleNamespace(schedule=schedules)
    own = getattr(sample, name)(denoiser, steps=16, dtype=torch.float64, **options)
    result = adapter.probe(own, "cifar10", compare=False)
    alpha, sigma = (np.array(values) for values in schedules(own.timesteps))
    if name == "vABSampler":
        # In u = sigma / (alpha + sigma), as flow models are sampled.
        straight = sigma / (alpha + sigma)
        path = tmp_path / "times.txt"
        path.write_text("\n".join(map(repr, straight.tolist())))
        law = gm.output_law(
            "cifar10", sampler=sampler, process="flow:coordinates=u", grid=f"times:{path}",
            init=f"normal:std={float(straight[0])!r}",
        )  # fmt: skip
        scale = 1.0 - straight[-1]
    else:
        ratios = sigma / alpha
        top = max(float(ratios[0]), 80.0) * 1.001
        law = gm.output_law(
            "cifar10", sampler=sampler, process=f"edm:sigma_max={top!r}",
            grid=ratios, init=f"normal:std={float(ratios[0])!r}",
        )  # fmt: skip
        scale = 1.0
    np.testing.assert_allclose(
        np.sqrt(result.variance) / alpha[-1], np.sqrt(law.variance) / scale, rtol=1e-8
    )
    if alpha[-1] == 1.0 and scale == 1.0:
        assert result.w2 == pytest.approx(law.w2, rel=1e-9)


def test_a_sampler_is_left_as_it_is() -> None:
    denoiser = SimpleNamespace(schedule=noise.VPSchedule())
    own = sample.EulerSampler(denoiser, steps=4)
    result = adapter.probe(own, compare=False)
    assert own.denoiser is denoiser and result.nfe == 4
    with pytest.raises(gm.GaussmeterError, match="no denoiser with a schedule"):
        adapter.probe(object())
