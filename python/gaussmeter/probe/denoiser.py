"""The network that a probe hands to a sampler's code: one eigenvalue for each coordinate."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from ._errors import error
from .backends import Backend
from .convention import Convention, to_numpy

_OURS = str(FilePath(__file__).parent)


@dataclass
class Evaluation:
    """One call of the network.

    Attributes
    ----------
    time
        What the network was told.
    alpha, sigma
        The level of that time.
    state
        The coordinate without variance, ``(rows,)``: it shows the level the state is really at. The
        first one, if there is none without.
    largest
        The largest absolute value in the state, over rows.
    precision
        Name of the type of the state, such as ``float32``.
    """

    time: float
    alpha: float
    sigma: float
    state: np.ndarray | None
    largest: np.ndarray
    precision: str


class Denoiser:
    """The exact network of Gaussian data, told what the sampler's code tells it.

    Parameters
    ----------
    convention
        How it is called and what it answers.
    eigenvalues
        One for each coordinate, ``(n,)``.
    means
        The mean of each row, ``(rows,)``, times ``mean``.
    mean
        The mean of each coordinate, ``(n,)``.
    sample_shape
        Shape of one sample.
    backend
        Arrays of the sampler's code.
    reference
        The coordinate whose eigenvalue is 0, if there is one.
    """

    def __init__(
        self,
        convention: Convention,
        eigenvalues: np.ndarray,
        means: np.ndarray,
        mean: np.ndarray,
        sample_shape: tuple[int, ...],
        backend: Backend,
        reference: int | None,
        limit: int = 100_000,
    ) -> None:
        self._convention = convention
        self._eigenvalues = eigenvalues
        self._means = means
        self._mean = mean
        self._sample_shape = sample_shape
        self._backend = backend
        # Any coordinate shows how the code scales its initial state.
        self._reference = 0 if reference is None else reference
        self._limit = limit
        self._factors: dict[float, tuple[np.ndarray, np.ndarray]] = {}
        self.evaluations: list[Evaluation] = []
        self.nfe = 0

    def __call__(self, x: Any, t: Any, *args: Any, **kwargs: Any) -> Any:
        """The prediction for states ``x`` at what the network is told, ``t``."""
        with self._backend.unwatched():
            return self._answer(x, t)

    forward = __call__

    def _answer(self, x: Any, t: Any) -> Any:
        rows = len(self._means)
        shape = tuple(x.shape)
        if len(shape) == 0 or shape[1:] != self._sample_shape or shape[0] % rows or not shape[0]:
            raise error(
                f"the sampler's code hands the network an array of the shape {shape}; "
                f"its states have {(rows, *self._sample_shape)}",
                "keep the batch first and the shape of the samples, or hand in shape=",
            )
        copies = shape[0] // rows
        time = _one_time(t)
        alpha, sigma = self._convention.level_of(time)
        if time not in self._factors:
            self._factors[time] = self._convention.answer(alpha, sigma, self._eigenvalues)
        gain, offset = self._factors[time]
        self.nfe += copies
        if self.nfe > self._limit:
            raise error(
                f"the sampler's code has asked the network {self._limit} times",
                "check that its loop ends; adaptive steps may not on unit vectors",
            )
        means = np.tile(self._means, copies)[:, None] * (offset * self._mean)[None, :]
        answer, largest, state = self._backend.affine(x, gain, means, self._reference)
        if state is not None:
            state = state[:rows]
        self.evaluations.append(
            Evaluation(time, alpha, sigma, state, largest[:rows], self._backend.precision(x))
        )
        return answer


def _one_time(t: Any) -> float:
    times = np.asarray(to_numpy(t), dtype=np.float64).ravel()
    if times.size == 0 or not np.isfinite(times).all():
        raise error(
            f"the network is told the time {t!r}", "hand it one finite number for the whole batch"
        )
    if times.size > 1 and not (times == times[0]).all():
        raise error(
            f"the network is told different times for different rows, {times.min():g} to "
            f"{times.max():g}",
            "step all samples alike: steps chosen by the state are not affine",
        )
    return float(times[0])


def place_of_caller() -> str:
    """File and line of the sampler's code that is being run."""
    for frame in reversed(traceback.extract_stack(limit=40)):
        name = frame.filename
        if name.startswith(_OURS) or "site-packages/torch/" in name or "/numpy/" in name:
            continue
        return f"{FilePath(name).name}:{frame.lineno}"
    return ""
