"""Samplers in JAX: keys are noises, also within scans."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import gaussmeter as gm
import numpy as np
import pytest
from gaussmeter.probe import probe

jax = pytest.importorskip("jax", reason="JAX is not installed: no probe of its code")
jnp = jax.numpy
jax.config.update("jax_enable_x64", True)

SIGMAS = np.append(np.geomspace(80.0, 0.02, 8), 0.0)
DATA = gm.Spectrum.from_eigenvalues([0.01, 1.0, 4.0], mean=[1.0, 0.0, 2.0])


def ancestral(denoiser: Any, x: Any, key: Any) -> Any:
    """Ancestral sampling as a scan over levels and keys."""

    def body(x: Any, step: Any) -> Any:
        sigma, after, key = step
        up = jnp.sqrt(after**2 * (sigma**2 - after**2) / sigma**2)
        down = jnp.sqrt(after**2 - up**2)
        data = denoiser(x, sigma)
        x = data + down / sigma * (x - data) + up * jax.random.normal(key, x.shape)
        return x, None

    keys = jax.random.split(key, len(SIGMAS) - 1)
    return jax.lax.scan(body, x, (jnp.array(SIGMAS[:-1]), jnp.array(SIGMAS[1:]), keys))[0]


def one_key(denoiser: Any, x: Any, key: Any) -> Any:
    for sigma, after in pairwise(SIGMAS):
        x = denoiser(x, sigma) + after * jax.random.normal(key, x.shape)
    return x


def test_keys_are_noises() -> None:
    result = probe(ancestral, DATA)
    law = gm.output_law(DATA, sampler="euler-ancestral", process="edm", grid=SIGMAS)
    assert result.noises == len(SIGMAS) - 1
    np.testing.assert_allclose(result.variance, law.variance, rtol=1e-10)
    assert "euler-ancestral" in result.like.names


def test_a_key_that_is_used_again_draws_the_same_noise() -> None:
    assert probe(one_key, DATA, compare=False).noises == 1
