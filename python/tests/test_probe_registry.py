"""Every sampler of the library, run step by step in NumPy, has by its probe the law it should."""

from __future__ import annotations

from typing import Any

import gaussmeter as gm
import numpy as np
import pytest
from gaussmeter import _native
from gaussmeter._simulate import _run
from gaussmeter._spectrum import native_data
from gaussmeter.probe import probe

DATA = gm.Spectrum.from_eigenvalues([1e-3, 0.05, 1.0, 30.0], mean=[1.0, -0.5, 2.0, 0.0])
NEEDS_A_FILE = ("butcher", "plan")
#: Rules that are not defined there, or need the velocity at a level without noise.
UNDEFINED = (
    ("ddpm", "edm"),
    ("ddpm", "vp-linear"),
    ("heun", "edm"),
    ("rk3", "edm"),
    ("rk4", "edm"),
)


@pytest.mark.parametrize("process", ["edm", "vp-linear"])
@pytest.mark.parametrize("sampler", [s for s in gm.samplers if s not in NEEDS_A_FILE])
def test_its_program(sampler: str, process: str) -> None:
    grid = "karras" if process == "edm" else "uniform"
    words = {"sampler": sampler, "process": process, "grid": grid, "steps": 7}
    words["eps"] = None if process == "edm" else 1e-3
    try:
        law = gm.output_law(DATA, **words)
        plan = _native.plan(native_data(DATA), words, "denoiser")
    except gm.GaussmeterError:
        assert (sampler, process) in UNDEFINED
        return
    assert (sampler, process) not in UNDEFINED

    def fn(denoiser: Any, x: np.ndarray, rng: Any) -> np.ndarray:
        def network(state: np.ndarray, level: tuple[float, float, float]) -> Any:
            seen[level[0]] = level[1:]
            return denoiser(state, level[0])

        return _run(plan, network, "level", x, lambda: rng.standard_normal(x.shape), None)

    seen: dict[float, tuple[float, float]] = {}
    result = probe(fn, DATA, levels=lambda t: seen[t], init=float(plan["std"]), compare=False)
    assert result.nfe == plan["nfe"]
    np.testing.assert_allclose(
        np.sqrt(result.variance), np.sqrt(law.variance), rtol=1e-7, atol=1e-12
    )
    np.testing.assert_allclose(result.mean, law.mean, rtol=1e-6, atol=1e-9)
