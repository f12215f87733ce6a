"""Samplers written in NumPy, as people write them, for the tests of ``gaussmeter.probe``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

#: Karras' levels of EDM with 12 steps to 0.
SIGMAS = np.append(
    (80 ** (1 / 7) + np.linspace(0, 1, 12) * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7, 0
)


def euler(denoiser: Any, x: np.ndarray, sigmas: np.ndarray = SIGMAS) -> np.ndarray:
    for sigma, after in pairwise(sigmas):
        x = x + (after - sigma) * (x - denoiser(x, sigma)) / sigma
    return x


def heun(denoiser: Any, x: np.ndarray, sigmas: np.ndarray = SIGMAS) -> np.ndarray:
    for sigma, after in pairwise(sigmas):
        slope = (x - denoiser(x, sigma)) / sigma
        euler_x = x + (after - sigma) * slope
        if after == 0:
            return euler_x
        slope = (slope + (euler_x - denoiser(euler_x, after)) / after) / 2
        x = x + (after - sigma) * slope
    return x


def two_m(denoiser: Any, x: np.ndarray, sigmas: np.ndarray = SIGMAS) -> np.ndarray:
    """DPM-Solver++(2M)."""
    old = None
    with np.errstate(divide="ignore"):
        times = -np.log(sigmas)
    for i, (sigma, after) in enumerate(pairwise(sigmas)):
        data = denoiser(x, sigma)
        h = times[i + 1] - times[i]
        if old is None or after == 0:
            mixed = data
        else:
            r = (times[i] - times[i - 1]) / h
            mixed = (1 + 1 / (2 * r)) * data - old / (2 * r)
        x = after / sigma * x - np.expm1(-h) * mixed
        old = data
    return x


def ancestral(denoiser: Any, x: np.ndarray, rng: Any, sigmas: np.ndarray = SIGMAS) -> np.ndarray:
    for sigma, after in pairwise(sigmas):
        data = denoiser(x, sigma)
        up = np.sqrt(after**2 * (sigma**2 - after**2) / sigma**2)
        down = np.sqrt(after**2 - up**2)
        x = data + down / sigma * (x - data) + up * rng.standard_normal(x.shape)
    return x


def ddpm(noise_of: Any, x: np.ndarray, products: np.ndarray, times: list[int]) -> np.ndarray:
    """Ho et al. (2020), with the small variance, for a network that predicts the noise."""
    for time, after in zip(times, [*times[1:], -1], strict=True):
        product = products[time]
        before = products[after] if after >= 0 else 1.0
        alpha = product / before
        mean = (x - (1 - alpha) / np.sqrt(1 - product) * noise_of(x, time)) / np.sqrt(alpha)
        variance = (1 - before) / (1 - product) * (1 - alpha)
        x = mean + np.sqrt(variance) * np.random.randn(*x.shape)
    return x


def yielding(denoiser: Any, x: np.ndarray) -> Iterator[Any]:
    """Euler, which shows its states and their levels."""
    for sigma, after in pairwise(SIGMAS):
        x = x + (after - sigma) * (x - denoiser(x, sigma)) / sigma
        yield x, after
