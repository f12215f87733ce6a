"""k-diffusion's functions as they are installed, beside recordings and beside our samplers."""

from __future__ import annotations

import functools
import sys
import types
import warnings
from typing import Any

import gaussmeter as gm
import numpy as np
import pytest
from gaussmeter import comfyui, kdiffusion, testing

from . import golden

torch = pytest.importorskip("torch", reason="torch is not installed: no probe of its code")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    sampling = pytest.importorskip(
        "k_diffusion.sampling", reason="k-diffusion is not installed", exc_type=ImportError
    )

NAMES = {
    "euler": 15, "euler_ancestral": 15, "heun": 20, "dpm_2": 20, "dpm_2_ancestral": 20,
    "dpmpp_2m": 10, "dpmpp_2m_sde": 25, "dpmpp_2s_ancestral": 30, "dpmpp_3m_sde": 15,
    "dpmpp_sde": 50, "dpm_fast": 4, "lms": 10,
}  # fmt: skip


@pytest.fixture
def double() -> Any:
    """dpm_fast makes tensors of the default type."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", NAMES)
def test_recordings(name: str, double: None) -> None:
    file = golden.recorded(f"kdiffusion__{name}")
    data, where = golden.spectrum(file)
    worst = 0.0
    for case in file["cases"]:
        arguments = dict(case["kwargs"])
        sigmas = np.array(case["sigmas"])
        if name == "dpm_fast":
            arguments.setdefault("n", case["num_steps"])
            sigmas = np.array([case["sigmas"][0], case["sigmas"][1]])
        if case["noise_model"] == "iid":
            arguments["noise_sampler"] = _Independent()
        function = getattr(sampling, case["fn"])
        result = kdiffusion.probe(
            _starting(function, arguments.get("noise_sampler")), sigmas, data,
            init=case["init_noise_sigma"], arguments=arguments, compare=False,
        )  # fmt: skip
        worst = max(worst, golden.compared(result, case, where))
    assert len(file["cases"]) == NAMES[name]
    print(f"{name}: {len(file['cases'])} cases, {worst:.1e} of the tolerance")
    assert worst < 1.0


class _Independent:
    """A noise sampler that draws anew each time."""

    like: Any = None

    def __call__(self, sigma: Any, sigma_next: Any) -> Any:
        return torch.randn_like(self.like)


def _starting(function: Any, noise: Any) -> Any:
    """The function itself, which tells a noise sampler of the state's shape."""
    if noise is None:
        return function

    @functools.wraps(function)
    def fn(model: Any, x: Any, *positions: Any, **arguments: Any) -> Any:
        noise.like = x
        return function(model, x, *positions, **arguments)

    return fn


@pytest.mark.parametrize(
    ("function", "sampler"),
    [
        ("sample_euler", "ddim"),
        ("sample_heun", "edm"),
        ("sample_dpmpp_2m", "dpmpp-2m"),
        ("sample_dpmpp_2m_sde", "dpmpp-2m-sde"),
        ("sample_dpmpp_sde", "dpmpp-sde"),
        ("sample_dpmpp_3m_sde", "dpmpp-3m-sde:variant=k-diffusion"),
        ("sample_dpm_2_ancestral", "dpm-2-ancestral"),
    ],
)
def test_a_probe_names_our_sampler(function: str, sampler: str) -> None:
    sigmas = sampling.get_sigmas_karras(12, 0.03, 14.6)
    result = kdiffusion.probe(getattr(sampling, function), sigmas, "cifar10")
    law = gm.output_law(
        "cifar10", sampler=sampler, process="edm", grid=np.array(sigmas, dtype=float),
        init=f"normal:std={float(sigmas[0])!r}",
    )  # fmt: skip
    assert result.w2 == pytest.approx(law.w2, rel=1e-10)
    assert sampler in result.like.names and result.like.difference < 1e-11


def test_overlapping_increments_of_a_brownian_tree_are_correlated() -> None:
    sigmas = sampling.get_sigmas_karras(8, 0.03, 14.6)
    tree = kdiffusion.probe(sampling.sample_dpmpp_sde, sigmas, compare=False)
    noise = _Independent()
    independent = kdiffusion.probe(
        _starting(sampling.sample_dpmpp_sde, noise), sigmas,
        arguments={"noise_sampler": noise}, compare=False,
    )  # fmt: skip
    # Two intervals for each step with noise, of which the first is part of the second.
    assert tree.noises == 14 and independent.noises == 14
    assert independent.w2 > 1.5 * tree.w2


def test_orders_of_its_functions() -> None:
    def two_m(denoiser: Any, x: Any, levels: np.ndarray) -> Any:
        return sampling.sample_dpmpp_2m(denoiser, x, torch.tensor(levels), disable=True)

    def three_m(denoiser: Any, x: Any, levels: np.ndarray) -> Any:
        sigmas = torch.tensor(levels)
        return sampling.sample_dpmpp_3m_sde(denoiser, x, sigmas, disable=True, eta=0.0)

    testing.assert_order(two_m, 2, library="torch")
    testing.assert_order(three_m, 2, library="torch")
    with pytest.raises(AssertionError, match="not 3"):
        testing.assert_order(three_m, 3, library="torch")


def test_steps_by_the_state_are_said() -> None:
    sigmas = sampling.get_sigmas_karras(8, 0.03, 14.6)
    result = kdiffusion.probe(sampling.sample_dpm_adaptive, sigmas, samples=256)
    assert not result.is_exact and "adaptive" in result.reason


def test_the_form_of_comfyui() -> None:
    sigmas = sampling.get_sigmas_karras(10, 0.03, 14.6)
    seen = []

    def sample_own(model: Any, x: Any, sigmas: Any, extra_args: Any = None, callback: Any = None,
                   disable: Any = None) -> Any:  # fmt: skip
        seen.append(model.inner_model.inner_model.model_sampling.sigma_max)
        seen.append(model.inner_model.model_patcher.get_model_object("model_sampling"))
        return sampling.sample_dpmpp_2m(model, x, sigmas, extra_args=extra_args, disable=disable)

    result = comfyui.probe(sample_own, sigmas, "cifar10")
    law = gm.output_law(
        "cifar10", sampler="dpmpp-2m", process="edm", grid=np.array(sigmas, dtype=float),
        init=f"normal:std={float(np.hypot(1.0, float(sigmas[0])))!r}",
    )  # fmt: skip
    assert result.w2 == pytest.approx(law.w2, rel=1e-10)
    assert float(seen[0]) == pytest.approx(float(sigmas[0]))
    flow = comfyui.probe(sampling.sample_dpmpp_2m, np.linspace(1, 0, 11), model="flow")
    assert "dpmpp-2m" in flow.like.names and "in u" in flow.like.on


def test_flow_models_are_known_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = types.ModuleType("comfy.model_sampling")
    theirs.CONST = type("CONST", (), {})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "comfy.model_sampling", theirs)
    seen = []

    def sample_own(model: Any, x: Any, sigmas: Any, extra_args: Any = None) -> Any:
        kind = model.inner_model.model_patcher.get_model_object("model_sampling")
        seen.append(isinstance(kind, theirs.CONST))
        return sampling.sample_euler(model, x, sigmas, extra_args=extra_args, disable=True)

    result = comfyui.probe(sample_own, np.linspace(1, 0, 9), model="flow")
    assert result.like.is_same and all(seen)
    comfyui.probe(sample_own, [14.6, 1.0, 0.0], compare=False)
    assert not seen[-1]


def test_levels_that_do_not_fall() -> None:
    with pytest.raises(gm.GaussmeterError, match="not a falling list"):
        kdiffusion.probe(sampling.sample_euler, [1.0, 2.0, 0.0])
