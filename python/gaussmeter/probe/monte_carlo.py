"""Moments by sampling, for code that is not affine."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .denoiser import Denoiser
from .result import Interval
from .runner import Setting, arguments

GROUPS = 16
#: Student's t, two-sided 95 %, GROUPS - 1 degrees of freedom.
_STUDENT = 2.131


def sample_moments(
    setting: Setting,
    modes: np.ndarray,
    mean: np.ndarray,
    initial_mean: np.ndarray,
    initial_std: np.ndarray,
    samples: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray, list[tuple[np.ndarray, np.ndarray]], Denoiser]:
    """Mean and variance of the output of each mode, and those of groups of samples.

    Parameters
    ----------
    setting
        What is run; its code draws its own random numbers.
    modes
        The coordinate of each mode.
    mean
        The mean of each coordinate.
    initial_mean, initial_std
        Of each coordinate of the initial state.
    samples
        How many, in :data:`GROUPS` groups.
    seed
        Of the initial states.
    """
    size = max(samples // GROUPS, 8)
    coordinates = setting.eigenvalues.size
    numbers = np.random.Generator(np.random.PCG64(seed))
    outputs = []
    for _ in range(GROUPS):
        denoiser = Denoiser(
            setting.convention,
            setting.eigenvalues,
            np.ones(size),
            mean,
            setting.sample_shape,
            setting.backend,
            setting.reference,
        )
        initial = initial_mean + initial_std * numbers.standard_normal((size, coordinates))
        state = setting.backend.array(initial.reshape(size, *setting.sample_shape), setting.dtype)
        with setting.backend.few_threads(size * coordinates):
            result: Any = setting.fn(denoiser, state, **arguments(setting.fn, None))
        if hasattr(result, "__next__"):
            *_, result = result
            if isinstance(result, tuple):
                result = result[0]
        outputs.append(setting.backend.numpy(result).reshape(size, -1)[:, modes])
    groups = [(o.mean(axis=0), o.var(axis=0, ddof=1)) for o in outputs]
    everything = np.concatenate(outputs)
    return everything.mean(axis=0), everything.var(axis=0, ddof=1), groups, denoiser


def w2_interval(spectrum: Any, groups: list[tuple[np.ndarray, np.ndarray]], size: int) -> Interval:
    """W2 of the Gaussian with estimated moments, corrected for bias by leaving groups out."""
    weights = np.asarray(spectrum.multiplicities)
    target = np.sqrt(np.asarray(spectrum.eigenvalues))
    centre = np.zeros_like(target) if spectrum.mean is None else np.asarray(spectrum.mean)

    def squared(chosen: list[tuple[np.ndarray, np.ndarray]]) -> float:
        means = np.stack([m for m, _ in chosen])
        mean = means.mean(axis=0)
        within = np.stack([v for _, v in chosen]).mean(axis=0)
        between = ((means - mean) ** 2).sum(axis=0)
        count = len(chosen)
        variance = (within * count * (size - 1) + size * between) / (count * size - 1)
        return float((weights * ((mean - centre) ** 2 + (np.sqrt(variance) - target) ** 2)).sum())

    whole = squared(groups)
    left_out = [squared(groups[:i] + groups[i + 1 :]) for i in range(len(groups))]
    count = len(groups)
    values = [count * whole - (count - 1) * value for value in left_out]
    centre_value = float(np.mean(values))
    spread = _STUDENT * float(np.std(values, ddof=1)) / math.sqrt(count)

    def root(value: float) -> float:
        return math.sqrt(max(value, 0.0))

    return Interval(root(centre_value), root(centre_value - spread), root(centre_value + spread))
