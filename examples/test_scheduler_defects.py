"""Tests that would have caught three defects of diffusers 0.42 (docs/findings.md).

A project that ships samplers can have a file like this one in its own test suite:

    pip install gaussmeter pytest torch diffusers
    pytest examples/test_scheduler_defects.py

Each test states what the scheduler promises. Where the installed version does not keep it, the test
is marked as an expected failure, strictly: once that is put right, the mark has to go.
"""

import pytest

import gaussmeter as gm
from gaussmeter import testing

diffusers = pytest.importorskip("diffusers", reason="diffusers is not installed: nothing to test")

KARRAS = {"use_karras_sigmas": True}


@pytest.mark.parametrize("order", [1, 2])
def test_dpm_solver_has_its_order(order):
    scheduler = diffusers.DPMSolverMultistepScheduler(**KARRAS, solver_order=order)
    testing.assert_order(gm.diffusers.runs(scheduler), order, steps=(20, 40, 80))


@pytest.mark.xfail(
    strict=True, reason="one term has the wrong sign: order 1, and errors 100 times larger"
)
def test_sde_dpm_solver_of_third_order_is_at_least_of_second():
    scheduler = diffusers.DPMSolverMultistepScheduler(
        **KARRAS, solver_order=3, algorithm_type="sde-dpmsolver++"
    )
    runs = gm.diffusers.runs(scheduler, double=True)
    testing.assert_order(runs, 2, steps=(40, 80, 160))


@pytest.mark.xfail(strict=True, reason="the variance tends to many times that of the data")
def test_singlestep_sde_solver_converges():
    scheduler = diffusers.DPMSolverSinglestepScheduler(
        **KARRAS, solver_order=3, solver_type="heun", algorithm_type="sde-dpmsolver++"
    )
    testing.assert_converges(gm.diffusers.runs(scheduler), steps=(10, 20, 40))


@pytest.mark.parametrize(
    "spacing",
    [
        "leading",
        pytest.param(
            "linspace",
            marks=pytest.mark.xfail(
                strict=True, reason="steps of T // n timesteps do not lead to the next timestep"
            ),
        ),
    ],
)
def test_ddim_is_ddim_on_its_own_timesteps(spacing):
    scheduler = diffusers.DDIMScheduler(clip_sample=False, timestep_spacing=spacing)
    result = gm.diffusers.probe(scheduler, 20, testing.default_spectrum(), compare=False)
    # The levels that the network was told, and the end at the data.
    levels = [*result.ratios, 0.0]
    testing.assert_same_law(result, "ddim", levels, rtol=1e-3)
