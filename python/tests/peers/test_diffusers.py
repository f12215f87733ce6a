"""Schedulers of diffusers as they are installed, beside recordings and beside our samplers."""

from __future__ import annotations

import importlib
import logging
import time
from typing import Any

import gaussmeter as gm
import numpy as np
import pytest
from gaussmeter import diffusers as adapter
from gaussmeter import testing

from . import golden

torch = pytest.importorskip("torch", reason="torch is not installed: no probe of its code")
diffusers = pytest.importorskip("diffusers", reason="diffusers is not installed")
logging.getLogger("diffusers").setLevel(logging.ERROR)

#: Recorded cases, and how many of them cannot be run on the library as it is.
FILES = {
    "cogvideox": 4, "cosine_dpmsolver_multistep": 4, "ddim": 24, "ddpm": 10, "deis": 19,
    "dpmsolver_multistep": 108, "dpmsolver_sde": 10, "dpmsolver_singlestep": 26,
    "edm_dpmsolver_multistep": 9, "edm_euler": 4, "euler": 24, "euler_ancestral": 8,
    "flow_match_euler": 10, "flow_match_heun": 4, "flow_match_lcm": 2, "heun": 12, "ipndm": 1,
    "kdpm2": 12, "kdpm2_ancestral": 10, "lcm": 2, "lms": 5, "ltx_euler_ancestral_rf": 3, "pndm": 8,
    "sasolver": 20, "tcd": 3, "unipc": 39,
}  # fmt: skip
#: torchsde does not return from an increment over no time, which this one asks for.
STUCK = "diffusers/cosine_dpmsolver_multistep/edm/sigma_min/n5"


def _class(name: str) -> Any:
    if hasattr(diffusers, name):
        return getattr(diffusers, name)
    for module in ("scheduling_ltx_euler_ancestral_rf", "scheduling_flow_match_lcm"):
        loaded = importlib.import_module(f"diffusers.schedulers.{module}")
        if hasattr(loaded, name):
            return getattr(loaded, name)
    raise AssertionError(name)


def _scheduler(case: dict[str, Any]) -> Any:
    config = {name: value for name, value in case["config"].items() if name != "tau_func"}
    for ending, tau in (("tau0", 0.0), ("tau1", 1.0)):
        if case["cls"] == "SASolverScheduler" and case["variant"].endswith(ending):
            config["tau_func"] = lambda t, tau=tau: tau
    return _class(case["cls"])(**config)


@pytest.mark.parametrize("name", FILES)
def test_recordings_in_double_precision(name: str) -> None:
    file = golden.recorded(f"diffusers__{name}")
    data, where = golden.spectrum(file)
    worst = 0.0
    for case in file["cases"]:
        options = {
            "conditioning": "timestep" if case["conditioning"] == "timestep" else "solver",
            "step": case["step_kwargs"],
            "set_timesteps": case["set_timesteps_kwargs"],
            "compare": False,
        }
        scheduler, steps = _scheduler(case), case["num_inference_steps"]
        if case["id"] == STUCK:
            with pytest.raises(gm.GaussmeterError, match="over no time"):
                adapter.probe(scheduler, steps, data, double=True, **options)
            continue
        result = adapter.probe(scheduler, steps, data, double=True, **options)
        worst = max(worst, golden.compared(result, case, where))
    assert len(file["cases"]) == FILES[name]
    print(f"{name}: {len(file['cases'])} cases, {worst:.1e} of the tolerance")
    assert worst < 1.0


@pytest.mark.parametrize(
    "name", ["euler", "heun", "unipc", "ddim", "edm_euler", "flow_match_euler"]
)
def test_the_library_as_it_is_differs_by_its_rounding(name: str) -> None:
    file = golden.recorded(f"diffusers__{name}")
    data, where = golden.spectrum(file)
    for case in file["cases"][:4]:
        result = adapter.probe(
            _scheduler(case), case["num_inference_steps"], data, compare=False,
            conditioning="timestep" if case["conditioning"] == "timestep" else "solver",
            step=case["step_kwargs"], set_timesteps=case["set_timesteps_kwargs"],
        )  # fmt: skip
        large = np.array(file["lambdas"]) >= 1e-3
        np.testing.assert_allclose(
            result.variance[where][large], np.array(case["var"])[large], rtol=1e-3
        )


def test_the_trigonometric_one() -> None:
    case = golden.recorded("diffusers__scm")["cases"][0]
    file = golden.recorded("diffusers__scm")
    data, where = golden.spectrum(file)
    # The recording starts from twice the noise that the pipeline has, and its times are float32.
    result = adapter.probe(diffusers.SCMScheduler(), 4, data, init=2.0, compare=False, double=True)
    large = np.array(file["lambdas"]) >= 1e-3
    np.testing.assert_allclose(
        result.variance[where][large], np.array(case["var"])[large], rtol=1e-5
    )


SCHEDULERS = [
    ("DPMSolverMultistepScheduler", {}, "dpmpp-2m"),
    ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}, "dpmpp-2m-sde"),
    ("DPMSolverMultistepScheduler", {"solver_order": 3}, "dpmpp-3m:"),
    ("DPMSolverSinglestepScheduler", {}, "dpm-solver-singlestep"),
    ("UniPCMultistepScheduler", {}, "unipc"),
    ("DEISMultistepScheduler", {"solver_order": 3}, "deis"),
    ("EulerDiscreteScheduler", {}, "ddim"),
    ("EulerAncestralDiscreteScheduler", {}, "euler-ancestral"),
    ("HeunDiscreteScheduler", {}, "edm"),
    ("KDPM2DiscreteScheduler", {}, "dpm-2"),
    ("KDPM2AncestralDiscreteScheduler", {}, "dpm-2-ancestral"),
    ("DDIMScheduler", {"clip_sample": False}, "ddim"),
    ("DDPMScheduler", {"clip_sample": False}, "ddpm-ancestral"),
    ("PNDMScheduler", {"skip_prk_steps": True}, "plms"),
    ("LMSDiscreteScheduler", {}, "lms"),
    ("SASolverScheduler", {}, "sa-solver"),
    ("FlowMatchEulerDiscreteScheduler", {"shift": 3.0}, "ddim"),
    ("EDMEulerScheduler", {}, "ddim"),
    ("EDMDPMSolverMultistepScheduler", {}, "dpmpp-2m"),
    ("CosineDPMSolverMultistepScheduler", {}, "dpmpp-2m-sde"),
]


@pytest.mark.parametrize(("name", "config", "sampler"), SCHEDULERS)
def test_a_probe_names_our_sampler(name: str, config: dict[str, Any], sampler: str) -> None:
    result = adapter.probe(getattr(diffusers, name)(**config), 12)
    assert result.is_exact
    # KDPM2 rounds the timesteps of its nodes, which the smallest eigenvalues feel.
    assert result.like.difference < 5e-3, result.like.sentence()
    assert any(text.startswith(sampler) for text in result.like.names), result.like.names


def test_a_probe_of_fifty_steps_takes_less_than_a_second() -> None:
    scheduler = diffusers.DPMSolverMultistepScheduler(use_karras_sigmas=True)
    adapter.probe(scheduler, 5, compare=False)
    start = time.process_time()
    adapter.probe(scheduler, 50, compare=False)
    taken = time.process_time() - start
    print(f"{taken:.2f} s")
    assert taken < 1.0


def test_the_scheduler_is_left_as_it_is() -> None:
    scheduler = diffusers.DPMSolverMultistepScheduler()
    adapter.probe(scheduler, 7, compare=False)
    assert scheduler.num_inference_steps is None and scheduler.step_index is None


def test_clipping_is_named_and_sampled() -> None:
    result = adapter.probe(diffusers.DDPMScheduler(), 10, samples=256)
    assert not result.is_exact and "clipping" in result.reason and "clamp" in result.reason


def test_whole_timesteps_show() -> None:
    scheduler = diffusers.DPMSolverMultistepScheduler(use_karras_sigmas=True)
    assert adapter.probe(scheduler, 20, compare=False).mismatch > 1e-2
    solver = adapter.probe(scheduler, 20, compare=False, conditioning="solver")
    assert solver.mismatch < 1e-5


def test_stages_that_other_libraries_know() -> None:
    for name, why in adapter.NOT_PROBED.items():
        assert why
        found = getattr(diffusers, name, None)
        if found is None or name in ("VQDiffusionScheduler", "AmusedScheduler"):
            continue
        with pytest.raises(Exception, match="is not probed|missing|required"):
            adapter.probe(found(), 5, compare=False)


def test_times_are_set_and_the_error_measured() -> None:
    levels = np.geomspace(14.0, 0.05, 10)
    betas = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
    euler = adapter.apply(levels, diffusers.EulerDiscreteScheduler(**betas, use_karras_sigmas=True))
    assert euler.switched_off == ["use_karras_sigmas"]
    assert euler.w2 == pytest.approx(euler.promised, rel=1e-4) and euler.moved < 1e-6
    flow = adapter.apply(levels, diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0))
    assert flow.moved < 1e-5 and flow.w2 == pytest.approx(flow.promised, rel=1e-4)
    whole = adapter.apply(levels, diffusers.DPMSolverMultistepScheduler(**betas))
    assert 1e-3 < whole.moved < 0.1 and set(map(type, whole.arguments["timesteps"])) == {int}
    heun = adapter.apply([*levels, 0.0], diffusers.HeunDiscreteScheduler(**betas))
    assert heun.moved < 1e-5 and heun.w2 == pytest.approx(heun.promised, rel=1e-4)
    # What pipelines are called with gives the same times.
    again = diffusers.HeunDiscreteScheduler(**betas)
    again.set_timesteps(timesteps=heun.arguments["timesteps"])
    assert torch.equal(again.sigmas, heun.scheduler.sigmas)
    for refused in (diffusers.DDIMScheduler(), diffusers.UniPCMultistepScheduler()):
        with pytest.raises(gm.GaussmeterError, match="neither sigmas nor timesteps"):
            adapter.apply(levels, refused)
    with pytest.raises(gm.GaussmeterError, match="same timestep"):
        adapter.apply(np.geomspace(14.0, 0.03, 80), diffusers.DPMSolverMultistepScheduler(**betas))
    with pytest.raises(gm.GaussmeterError, match="leave those of"):
        adapter.apply([80.0, 1.0], diffusers.DPMSolverMultistepScheduler(**betas))
    with pytest.raises(gm.GaussmeterError, match="falling list"):
        adapter.apply([1.0, 2.0], diffusers.EulerDiscreteScheduler(**betas))
    with pytest.raises(gm.GaussmeterError, match="size of the picture"):
        adapter.apply(levels, diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True))


def test_orders() -> None:
    smooth = {"use_karras_sigmas": True}
    multistep = diffusers.DPMSolverMultistepScheduler
    testing.assert_order(adapter.runs(multistep(**smooth)), 2, steps=(20, 40, 80))
    wrong = multistep(**smooth, solver_order=3, algorithm_type="sde-dpmsolver++")
    with pytest.raises(AssertionError, match="not 2"):
        testing.assert_order(adapter.runs(wrong, double=True), 2, steps=(40, 80, 160))
