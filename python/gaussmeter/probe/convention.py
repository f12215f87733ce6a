"""What a sampler's code expects of its network: at which level a time is, and what is predicted.

A state at signal ``alpha`` and noise ``sigma`` is ``x = alpha x0 + sigma n``. For data with
eigenvalue ``lam`` and mean ``mu`` along one eigenvector the exact network is affine,

    answer = gain x + offset mu,    s = alpha^2 lam + sigma^2,

    predicts     what it is          gain                          offset
    denoiser     E[x0 | x]           alpha lam / s                 sigma^2 / s
    noise        E[n | x]            sigma / s                     -alpha sigma / s
    score        grad log p(x)       -1 / s                        alpha / s
    v            alpha n - sigma x0  alpha sigma (1 - lam) / s     -sigma (alpha^2 + sigma^2) / s
    flow         n - x0              (sigma - alpha lam) / s       -sigma (alpha + sigma) / s

(Salimans & Ho (2022) for ``v``, Lipman et al. (2023) for ``flow``). None of them subtracts two
numbers that are nearly equal, also at ``sigma = 0``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._errors import error

#: Signal and noise of a state, in this order.
Level = tuple[float, float]
#: From what a network is told to the level of its input.
LevelOf = Callable[[float], Level]
#: Signal, noise and eigenvalues to gain and offset of the answer.
Answer = Callable[[float, float, np.ndarray], tuple[np.ndarray, np.ndarray]]
#: Anything that says at which level a time is.
Levels = str | LevelOf | Sequence[float] | np.ndarray | Any

PREDICTIONS = ("denoiser", "noise", "score", "v", "flow")


@dataclass(frozen=True)
class Convention:
    """How a network is called and what it answers.

    Parameters
    ----------
    level_of
        From the second argument of the network to the level ``(alpha, sigma)`` of its first.
    answer
        From a level and the eigenvalues ``(n,)`` to gain and offset of the answer, ``(n,)`` each.
    starts_in_unit_noise
        Whether the usual initial state has variance 1 (variance-preserving processes), rather
        than the noise of the first level.
    """

    level_of: LevelOf
    answer: Answer
    starts_in_unit_noise: bool = False


def convention(predicts: str | Answer, levels: Levels) -> Convention:
    """The convention that names and tables describe.

    Parameters
    ----------
    predicts
        ``"denoiser"``, ``"noise"``, ``"score"``, ``"v"`` or ``"flow"``, or a function of signal,
        noise and eigenvalues that returns gain and offset.
    levels
        ``"edm"``: the network is told ``sigma``, and ``x = x0 + sigma n``. ``"flow"``: it is told
        ``u``, and ``x = (1 - u) x0 + u n``. ``"trig"``: an angle, ``x = cos(t) x0 + sin(t) n``.
        An array: the products ``alphas_cumprod`` of a discrete variance-preserving process, whose
        network is told the index; between two indices sigma/alpha is linear. A function returns
        ``(alpha, sigma)``.

    Raises
    ------
    GaussmeterError
        For unknown names, and for products that are not in [0, 1].
    """
    if callable(predicts):
        answer = predicts
    elif predicts in PREDICTIONS:
        name = predicts

        def answer(alpha: float, sigma: float, lam: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return _answer(name, alpha, sigma, lam)
    else:
        raise error(
            f"unknown prediction {predicts!r}",
            "take one of " + ", ".join(PREDICTIONS) + ", or a function of (alpha, sigma, lam)",
        )
    if callable(levels):
        return Convention(levels, answer)
    if isinstance(levels, str):
        named: dict[str, tuple[LevelOf, bool]] = {
            "edm": (lambda sigma: (1.0, sigma), False),
            "flow": (lambda u: (1.0 - u, u), False),
            "trig": (lambda t: (float(np.cos(t)), float(np.sin(t))), False),
        }
        if levels not in named:
            raise error(
                f"unknown levels {levels!r}",
                "take one of edm, flow, trig, an array alphas_cumprod, or a function of the time",
            )
        level_of, unit = named[levels]
        return Convention(level_of, answer, unit)
    return Convention(discrete_levels(levels), answer, True)


def discrete_levels(alphas_cumprod: Any) -> LevelOf:
    """Levels of a discrete variance-preserving process, by timestep.

    A fraction between two timesteps is interpreted linearly in the ratio sigma/alpha, as
    diffusers' Euler schedulers do.
    """
    table = np.asarray(to_numpy(alphas_cumprod), dtype=np.float64)
    if table.ndim != 1 or table.size == 0:
        raise error(
            f"alphas_cumprod has the shape {table.shape}", "hand in a list of T numbers in [0, 1]"
        )
    if not (np.isfinite(table).all() and (table >= 0).all() and (table <= 1).all()):
        raise error("alphas_cumprod leaves [0, 1]", "hand in the products of 1 - beta")
    last = table.size - 1

    def level(time: float) -> Level:
        if not -1e-9 <= time <= last + 1e-9:
            raise error(
                f"the network is told timestep {time:g}, and there are 0 to {last}",
                "check the scheduler's timesteps, or hand in the table they index",
            )
        below = min(max(int(np.floor(time)), 0), last)
        fraction = time - below
        if fraction <= 0.0 or below == last:
            product = table[below]
            return float(np.sqrt(product)), float(np.sqrt(1.0 - product))
        with np.errstate(divide="ignore"):
            ratios = np.sqrt((1.0 - table[below : below + 2]) / table[below : below + 2])
        ratio = float(ratios[0] + fraction * (ratios[1] - ratios[0]))
        return variance_preserving(ratio)

    return level


def variance_preserving(ratio: float) -> Level:
    """The level of noise ratio sigma/alpha whose squares sum to 1."""
    if np.isinf(ratio):
        return 0.0, 1.0
    return float(1.0 / np.hypot(1.0, ratio)), float(ratio / np.hypot(1.0, ratio))


def preconditioned(sigma_data: float, prediction: str) -> Answer:
    """The raw network of Karras et al. (2022): ``D = c_skip x + c_out F(c_in x)``.

    Levels are those of its input, ``alpha = c_in``, ``sigma = c_in`` times the noise. With
    ``prediction="v_prediction"`` the sign of ``c_out`` is that of diffusers.
    """
    sign = -1.0 if prediction == "v_prediction" else 1.0

    def answer(alpha: float, sigma: float, lam: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        noise, data = (sigma / alpha) ** 2, sigma_data**2
        out = sign * sigma / alpha * sigma_data / np.sqrt(noise + data)
        # lam/(lam + noise) - data/(data + noise), without subtracting.
        skip = noise * (lam - data) / ((lam + noise) * (data + noise))
        return skip / alpha / out, noise / (lam + noise) / out

    return answer


def _answer(
    name: str, alpha: float, sigma: float, lam: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    variance = alpha * alpha * lam + sigma * sigma
    gains = {
        "denoiser": alpha * lam,
        "noise": np.full_like(lam, sigma),
        "score": np.full_like(lam, -1.0),
        "v": alpha * sigma * (1.0 - lam),
        "flow": sigma - alpha * lam,
    }
    offsets = {
        "denoiser": sigma * sigma,
        "noise": -alpha * sigma,
        "score": alpha,
        "v": -sigma * (alpha * alpha + sigma * sigma),
        "flow": -sigma * (alpha + sigma),
    }
    with np.errstate(divide="ignore", invalid="ignore"):
        gain, offset = gains[name] / variance, offsets[name] / variance
    if sigma == 0.0 and name != "score":
        # Without noise and variance the state is the mean, the data are too, and the noise is 0.
        data = {"denoiser": 1.0, "noise": 0.0, "v": 0.0, "flow": -1.0}[name]
        gain = np.where(variance > 0.0, gain, 0.0)
        offset = np.where(variance > 0.0, offset, data)
    return gain, offset


def to_numpy(array: Any) -> np.ndarray:
    """An array of any library on the host, as NumPy's."""
    if hasattr(array, "detach"):
        array = array.detach().cpu()
        if hasattr(array, "is_floating_point") and array.is_floating_point():
            array = array.double()
    return np.asarray(array)
