"""What a probe found: a law, and how the sampler's code made it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .nearest import Likeness
    from .rows import Draw


@dataclass(frozen=True)
class Asked:
    """One evaluation of the network: what it was told, and where the state was.

    Attributes
    ----------
    time
        What the network was told.
    alpha, sigma
        Signal and noise at that time.
    state_alpha, state_sigma
        Signal and noise of the state: how much of the mean and how much noise a coordinate without
        variance has there. ``nan`` where no coordinate shows it.
    """

    time: float
    alpha: float
    sigma: float
    state_alpha: float
    state_sigma: float

    @property
    def mismatch(self) -> float:
        """By which factor the noise ratio of the state is off the one told, less 1."""
        told, state = self.sigma * self.state_alpha, self.alpha * self.state_sigma
        if np.isnan(state) or max(abs(told), abs(state)) == 0.0:
            return float("nan")
        if told == 0.0 or state == 0.0:
            return float("inf")
        return float(abs(state / told)) - 1.0


@dataclass(frozen=True)
class Interval:
    """An estimate and the interval that holds the value in 95 of 100 cases."""

    estimate: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.estimate:.4g} (95 %: {self.low:.4g} to {self.high:.4g})"


@dataclass(frozen=True)
class StatePoint:
    """The law of a state that the code yielded, beside the data at its level.

    Attributes
    ----------
    evaluations
        Network evaluations until then.
    alpha, sigma
        Level of the state.
    w2
        Distance to the data at this level.
    gain, mean, variance
        Of each mode.
    """

    evaluations: int
    alpha: float
    sigma: float
    w2: float
    gain: np.ndarray
    mean: np.ndarray
    variance: np.ndarray


@dataclass
class ProbeResult:
    """The law of the output of a sampler's code, and what the probe saw.

    It has all that a :class:`gaussmeter.Law` has (``w2``, ``gain``, ``mean``, ``variance``,
    ``kl_forward``, …): they are those of ``law``.

    Attributes
    ----------
    law
        The law of the output beside the data's.
    spectrum
        The data.
    method
        ``"exact"``, or ``"Monte Carlo"`` where the code is not affine.
    reason
        Why it is not exact.
    w2_interval
        Where the law is estimated: W2 between the Gaussians of the estimated moments, which is at
        most W2 of the laws (Gelbrich, 1990).
    nfe
        Evaluations of the network for one batch.
    asked
        What the network was told at each of them, and the levels of the states.
    noises
        Independent normal draws, each of the size of the state.
    draws
        Where they were drawn.
    linearity
        Largest error of the superposition, relative to the sizes superposed.
    precision
        The coarsest type that the network's inputs or the output had.
    mean_gain
        The mean of the output over that of the data, of each mode, from an initial state that has
        the mean it should have.
    noise_gains
        How much of each noise is in the output, ``(noises, modes)``; absent if there are too many.
    output_noise
        Noise that a coordinate without variance has at the end: the level at which the code stops.
    offset
        What the code adds whatever the state, largest over the modes.
    """

    law: Any
    spectrum: Any
    method: str
    reason: str | None
    w2_interval: Interval | None
    nfe: int
    asked: list[Asked]
    noises: int
    draws: list[Draw]
    linearity: float
    precision: str
    mean_gain: np.ndarray
    noise_gains: np.ndarray | None
    output_noise: float
    offset: float
    name: str
    notes: list[str] = field(default_factory=list)
    states: list[StatePoint] = field(default_factory=list)
    like: Likeness | None = None
    initial_std: float = float("nan")
    #: Level of the initial state, from what the network was told first.
    start: tuple[float, float] | None = None
    #: Level of the output, as a coordinate without variance shows it.
    end: tuple[float, float] = (1.0, 0.0)
    #: The state at the last evaluation, beside the data at the level that the network was told.
    last: StatePoint | None = None
    #: Variance that the noises leave in the output, of each mode.
    noise_variance: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "law" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self.__dict__["law"], name)

    @property
    def is_exact(self) -> bool:
        """Whether the law is exact, and not estimated."""
        return self.method == "exact"

    @property
    def told(self) -> np.ndarray:
        """What the network was told at each evaluation."""
        return np.array([one.time for one in self.asked])

    @property
    def ratios(self) -> np.ndarray:
        """Noise ratios (the sigma of EDM) that the network was told, at each evaluation."""
        with np.errstate(divide="ignore"):
            return np.array([np.divide(one.sigma, one.alpha) for one in self.asked])

    @property
    def state_ratios(self) -> np.ndarray:
        """Noise ratios of the states at each evaluation, ``nan`` where nothing shows them."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.array([np.divide(one.state_sigma, one.state_alpha) for one in self.asked])

    @property
    def mismatch(self) -> float:
        """Largest relative error of the noise ratio that the network was told."""
        found = [abs(one.mismatch) for one in self.asked if not np.isnan(one.mismatch)]
        return max(found, default=float("nan"))

    def curve(self) -> list[StatePoint]:
        """The laws of the states that the code yielded, in order.

        Raises
        ------
        GaussmeterError
            If it yielded none.
        """
        if not self.states:
            from ._errors import error

            raise error(
                "the sampler's code yields no states",
                "make it a generator: yield x, or yield x, t with what the network is told at x",
            )
        return self.states

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data, for JSON."""
        return {
            "name": self.name,
            "method": self.method,
            "reason": self.reason,
            "w2": float(self.law.w2),
            "w2_interval": None if self.w2_interval is None else vars(self.w2_interval),
            "nfe": self.nfe,
            "noises": self.noises,
            "linearity": self.linearity,
            "precision": self.precision,
            "output_noise": self.output_noise,
            "offset": self.offset,
            "told": self.told.tolist(),
            "levels_told": [[one.alpha, one.sigma] for one in self.asked],
            "levels_of_states": [[one.state_alpha, one.state_sigma] for one in self.asked],
            "eigenvalues": np.asarray(self.law.eigenvalues).tolist(),
            "gain": np.asarray(self.law.gain).tolist(),
            "mean": np.asarray(self.law.mean).tolist(),
            "variance": np.asarray(self.law.variance).tolist(),
            "mean_gain": self.mean_gain.tolist(),
            "like": None if self.like is None else self.like.to_dict(),
            "notes": list(self.notes),
        }

    def lines(self) -> list[tuple[str, str]]:
        """What there is to say, as pairs of a title and a text."""
        if self.w2_interval is None:
            w2 = f"{self.law.w2:.6g}"
        else:
            w2 = f"{self.w2_interval}, at least"
        found = [("W2", w2)]
        how = "exact, by superposition" if self.is_exact else f"Monte Carlo: {self.reason}"
        found.append(("method", how))
        noises = "no noise" if self.noises == 0 else f"{self.noises} noises"
        found.append(("network evaluations", f"{self.nfe}, {noises}"))
        if self.is_exact:
            found.append(("superposition", f"holds to {self.linearity:.1e} ({self.precision})"))
        if not np.isnan(self.mismatch):
            found.append(("levels told", told_sentence(self.asked)))
        if self.output_noise > 0:
            found.append(("last level", f"noise of {self.output_noise:.4g} stays in the output"))
        if self.like is not None:
            found.append(("compared with ours", self.like.sentence()))
        found += [("note", note) for note in self.notes]
        return found

    def __str__(self) -> str:
        lines = self.lines()
        width = max(len(title) for title, _ in lines)
        rows = [f"  {title.ljust(width)}  {text}" for title, text in lines]
        return "\n".join([f"probe of {self.name} on {self.spectrum.name}", *rows])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(title)}</th>"
            f"<td style='text-align:left'>{escape(text)}</td></tr>"
            for title, text in self.lines()
        )
        title = escape(f"probe of {self.name} on {self.spectrum.name}")
        return f"<table><caption>{title}</caption>{rows}</table>"


def told_sentence(asked: Sequence[Asked]) -> str:
    """Whether the network was told the levels of the states, and where not."""
    worst = max(
        (i for i, one in enumerate(asked) if not np.isnan(one.mismatch)),
        key=lambda i: abs(asked[i].mismatch),
    )
    one = asked[worst]
    if abs(one.mismatch) < 1e-9:
        return "those of the states"
    with np.errstate(divide="ignore"):
        told, state = np.divide(one.sigma, one.alpha), np.divide(one.state_sigma, one.state_alpha)
    return (
        f"off by up to {abs(one.mismatch):.2g}: evaluation {worst + 1} is told a noise ratio of "
        f"{told:.5g}, the state has {state:.5g}"
    )


@dataclass(frozen=True)
class Runs:
    """Sampling code that is probed at any number of steps.

    Attributes
    ----------
    at
        From a number of steps to its probe, from data at the first level.
    name
        What to call it.
    trace
        From a number of steps and an eigenvalue to the states at all evaluations.
    """

    at: Callable[[int], ProbeResult]
    name: str
    trace: Callable[[int, float], Any] | None = None
