"""deepinv's diffusion SDEs, beside the same steps written in NumPy."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import gaussmeter as gm
import numpy as np
import pytest
from gaussmeter import deepinv as adapter
from gaussmeter.probe import probe

torch = pytest.importorskip("torch", reason="torch is not installed: no probe of its code")
deepinv = pytest.importorskip("deepinv.sampling", reason="deepinv is not installed")

TIMES = np.linspace(1.0, 0.01, 24)


def _sde(alpha: float) -> Any:
    return deepinv.VarianceExplodingDiffusion(
        denoiser=torch.nn.Identity(), alpha=alpha, sigma_min=0.02, sigma_max=20.0,
        solver=deepinv.EulerSolver(timesteps=TIMES),
    )  # fmt: skip


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_euler_steps_of_the_variance_exploding_sde(alpha: float) -> None:
    data = gm.Spectrum.from_eigenvalues([0.01, 0.3, 1.0, 25.0], mean=[1.0, 0.0, 0.5, 2.0])
    result = adapter.probe(_sde(alpha), data, compare=False)
    assert result.nfe == len(TIMES) - 1
    assert result.noises == len(TIMES) - 1

    def fn(denoiser: Any, x: np.ndarray) -> np.ndarray:
        for t, after in pairwise(TIMES):
            sigma = 0.02 * (20.0 / 0.02) ** t
            rate = 2 * np.log(20.0 / 0.02) * sigma**2
            score = (denoiser(x, sigma) - x) / sigma**2
            h = t - after
            x = x + h * (1 + alpha) / 2 * rate * score
            x = x + np.sqrt(alpha * rate * h) * np.random.randn(*x.shape)
        return x

    own = probe(fn, data, compare=False)
    np.testing.assert_allclose(result.variance, own.variance, rtol=1e-5)
    np.testing.assert_allclose(result.mean, own.mean, rtol=1e-5)


def test_the_sde_is_left_as_it_is() -> None:
    sde = _sde(1.0)
    before = sde.denoiser, sde.minus_one_one
    adapter.probe(sde, compare=False)
    assert (sde.denoiser, sde.minus_one_one) == before
    with pytest.raises(gm.GaussmeterError, match="no solver"):
        adapter.probe(torch.nn.Identity())
