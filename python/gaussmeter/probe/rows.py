"""The batch that a sampler's code is run on: what each row holds, and what a noise is there.

A sampler that is affine in its initial state, in the answers of an affine network and in its
noises has outputs that superpose. So a batch measures it: one row for the offset (all zero), one
for the initial state, one for the mean of the data, one for each noise, and a few with random
amounts of everything, whose output the others predict.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ._errors import error

#: Rows before those of the noises.
ZERO, INITIAL, MEAN = 0, 1, 2
#: How large the random superpositions are: clipping shows in large ones, thresholds in small ones.
AMOUNTS = (1.0, 3000.0, 0.01)
#: Our own numbers, whatever the name stands for while code is run.
_PLAIN = np.random.Generator


@dataclass(frozen=True)
class Rows:
    """The rows of one run.

    Parameters
    ----------
    coordinates
        Numbers in one sample.
    noises
        The noises that have a row of their own, by the order in which they are drawn.
    initial_scale
        Standard deviation of the initial state.
    amount
        Factor of the superpositions: with another one, rows that depend on others show it.
    order
        In which order the rows come; their content does not depend on it.
    """

    coordinates: int
    noises: range = range(0)
    initial_scale: float = 1.0
    amount: float = 1.0
    order: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return 3 + len(self.noises) + len(AMOUNTS)

    @property
    def checks(self) -> slice:
        """Where the random superpositions are."""
        return slice(3 + len(self.noises), len(self))

    def initial(self) -> np.ndarray:
        """Initial states, of standard deviation ``initial_scale``."""
        states = np.zeros((len(self), self.coordinates))
        states[INITIAL] = self.initial_scale
        states[self.checks] = (
            self.amount * self.initial_scale * check_values("initial", self.coordinates)
        )
        return self._arranged(states)

    def means(self) -> np.ndarray:
        """How much of the mean of the data is in each row."""
        amounts = np.zeros(len(self))
        amounts[MEAN] = 1.0
        amounts[self.checks] = self.amount * check_means()
        return self._arranged(amounts)

    def noise(self, index: int) -> np.ndarray:
        """The values of a noise, in the order of drawing."""
        values = np.zeros((len(self), self.coordinates))
        if index in self.noises:
            values[3 + self.noises.index(index)] = 1.0
        values[self.checks] = self.amount * check_values(index, self.coordinates)
        return self._arranged(values)

    def increment(self, first: int, durations: np.ndarray, checks: np.ndarray) -> np.ndarray:
        """A sum of neighbouring increments of a Brownian path, one noise each from ``first`` on."""
        values = np.zeros((len(self), self.coordinates))
        for offset, duration in enumerate(durations):
            if first + offset in self.noises:
                values[3 + self.noises.index(first + offset)] = np.sqrt(duration)
        values[self.checks] = self.amount * checks
        return self._arranged(values)

    def restored(self, values: np.ndarray) -> np.ndarray:
        """Rows as they are described here, from a run's."""
        if self.order is None:
            return values
        plain = np.empty_like(values)
        plain[list(self.order)] = values
        return plain

    def _arranged(self, values: np.ndarray) -> np.ndarray:
        return values if self.order is None else values[list(self.order)]


def check_values(key: object, coordinates: int) -> np.ndarray:
    """Random numbers of the superpositions, the same in every run."""
    seed = [ord(letter) for letter in repr(key)]
    numbers = _PLAIN(np.random.PCG64(seed))
    return numbers.standard_normal((len(AMOUNTS), coordinates)) * np.array(AMOUNTS)[:, None]


def check_means() -> np.ndarray:
    """How much of the mean is in each superposition."""
    return np.array([0.7, -0.4, 0.9]) * np.array(AMOUNTS)


@dataclass
class Draw:
    """One draw of normal numbers by the sampler's code."""

    function: str
    #: Numbers of the noises in it.
    noises: list[int]
    #: File and line.
    place: str = ""


@dataclass
class Path:
    """A Brownian path, and the times at which its value has been asked for."""

    number: int
    times: list[float] = field(default_factory=list)
    #: The noise of the first interval between neighbouring times.
    first_noise: int = 0

    def value_of_checks(self, time: float, coordinates: int) -> np.ndarray:
        """The path in the superpositions: any function of time will do."""
        return check_values(("path", self.number, float(time)), coordinates)


class Ledger:
    """The noises of one run in the order in which they are drawn.

    Parameters
    ----------
    rows
        The batch.
    sample_shape
        Shape of one sample.
    paths
        Brownian paths of an earlier run, whose intervals are noises of this one.
    """

    def __init__(
        self, rows: Rows, sample_shape: tuple[int, ...], paths: Sequence[Path] | None = None
    ) -> None:
        self.rows = rows
        self.sample_shape = sample_shape
        self.draws: list[Draw] = []
        self.count = 0
        self.paths: list[Path] = []
        self._known_paths = paths
        self._seen: dict[Hashable, list[int]] = {}

    def draw(
        self,
        shape: Sequence[int],
        function: str,
        place: str = "",
        identity: Hashable | None = None,
    ) -> np.ndarray:
        """Standard normal numbers of this shape, as the rows have them.

        ``identity`` tells whether the same numbers were drawn before: a generator in the same
        state draws the same noise again.
        """
        shape = tuple(int(size) for size in shape)
        lead, trail = self._layout(shape, function, place)
        noises = None
        if identity is not None:
            noises = self._seen.get((identity, shape))
        if noises is None:
            count = int(np.prod(lead, dtype=int) * np.prod(trail, dtype=int))
            noises = list(range(self.count, self.count + count))
            self.count += count
            if identity is not None:
                self._seen[(identity, shape)] = noises
        self.draws.append(Draw(function, noises, place))
        batch = len(self.rows)
        values = np.stack([self.rows.noise(noise) for noise in noises])
        values = values.reshape(*lead, *trail, batch, -1)
        # The batch comes before the trailing axes.
        values = np.moveaxis(values, -2, len(lead))
        return values.reshape(shape)

    def path(self) -> Path:
        """A Brownian path, in the order of creation."""
        number = len(self.paths)
        if self._known_paths is None:
            path = Path(number)
        elif number < len(self._known_paths):
            path = self._known_paths[number]
        else:
            raise unsteady("creates another number of Brownian paths")
        self.paths.append(path)
        return path

    def increment(self, path: Path, start: float, end: float, function: str) -> np.ndarray:
        """``W(end) - W(start)`` of a path: one row of coordinates for each row of the batch."""
        coordinates = self.rows.coordinates
        low, high = min(start, end), max(start, end)
        sign = 1.0 if end >= start else -1.0
        checks = path.value_of_checks(high, coordinates) - path.value_of_checks(low, coordinates)
        if self._known_paths is None:
            path.times += [low, high]
            return sign * self.rows.increment(0, np.zeros(0), checks)
        try:
            first, last = path.times.index(low), path.times.index(high)
        except ValueError:
            raise unsteady("asks a Brownian path at other times") from None
        durations = np.diff(path.times[first : last + 1])
        return sign * self.rows.increment(path.first_noise + first, durations, checks)

    def settled_paths(self) -> list[Path]:
        """The paths of this run; intervals between their times are noises after the others."""
        self.count_with_paths = self.count
        settled = []
        for path in self.paths:
            times = sorted(set(path.times))
            settled.append(Path(path.number, times, self.count_with_paths))
            self.count_with_paths += max(len(times) - 1, 0)
        return settled

    def _layout(
        self, shape: tuple[int, ...], function: str, place: str
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Axes of separate noises before the batch and after it."""
        batch, sample = len(self.rows), self.sample_shape
        full = (batch, *sample)
        where = f"{function}{place and f' in {place}'}"
        if len(shape) >= len(full) and shape[len(shape) - len(full) :] == full:
            return shape[: len(shape) - len(full)], ()
        inner = len(shape) - len(sample)
        if shape and shape[0] == batch and inner > 1 and shape[inner:] == sample:
            return (), shape[1:inner]
        size = int(np.prod(shape[1:], dtype=int)) if shape else 1
        if shape and shape[0] == batch and size == self.rows.coordinates:
            return (), ()
        if int(np.prod(shape, dtype=int)) == 1:
            raise error(
                f"{where} draws a single random number: the law of the output is then a mixture",
                "fix it, for example by handing in the time or the step size",
            )
        if shape and shape[0] == batch:
            raise error(
                f"{where} draws noise of the shape {shape} for states of the shape {full}",
                "draw one number for each coordinate: noise that coordinates share correlates them",
            )
        raise error(
            f"{where} draws noise of the shape {shape}, whose batch is not that of the states, "
            f"{full}",
            "draw it with x.shape (randn_like(x)), and one generator for the whole batch",
        )


def unsteady(what: str) -> Exception:
    """The error of code whose course differs between two runs."""
    return error(
        f"the sampler's code {what} in a second run: it keeps state between calls, "
        "or its course depends on the state",
        "make whatever it keeps (a scheduler, a history) inside the function; "
        "switch adaptive steps off",
    )


def path_of_values(path: Path, coordinates: int) -> np.ndarray:
    """What each interval's noise is in the superpositions, ``(intervals, checks, coordinates)``."""
    values = np.stack([path.value_of_checks(time, coordinates) for time in path.times])
    durations = np.diff(path.times)
    return np.diff(values, axis=0) / np.sqrt(durations)[:, None, None]
