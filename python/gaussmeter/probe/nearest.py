"""Which sampler of the library has the law that a probe has found."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from .result import ProbeResult

#: Laws are compared on this many modes of the spectrum, spread evenly over them.
_MODES = 16
#: Combinations of options of one sampler that are tried.
_COMBINATIONS = 40
#: Noise ratios this near are one level: with alpha near 1 in float32 they are no nearer.
_NO_STEP = 1e-3


@dataclass(frozen=True)
class Likeness:
    """The sampler of the library whose law is nearest.

    Attributes
    ----------
    names
        The samplers, with options, that are equally near.
    on
        The process and the levels they ran on.
    is_same
        Whether the laws agree up to rounding.
    difference
        Largest relative difference of standard deviations, gains or means over the modes compared.
    eigenvalue
        Where it is.
    std, other_std
        Standard deviations of the output there, from data at the first level: of the code and of
        the sampler.
    """

    names: tuple[str, ...]
    on: str
    is_same: bool
    difference: float
    eigenvalue: float
    std: float
    other_std: float

    def sentence(self) -> str:
        """One line about it."""
        names = ", ".join(self.names[:3])
        where = (
            f"off by up to {self.difference:.2g}; at eigenvalue {self.eigenvalue:.3g} the standard "
            f"deviation is {self.std:.6g} here, {self.other_std:.6g} there"
        )
        if self.is_same and self.difference < 1e-8:
            return f"the law of {names}, to {self.difference:.1g} ({self.on})"
        if self.is_same:
            return f"the law of {names} up to rounding ({self.on}), {where}"
        return f"another law than those tried; the nearest is {names} ({self.on}), {where}"

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {**vars(self), "names": list(self.names)}


@dataclass(frozen=True)
class Response:
    """A law by its response to an initial state of the data at the first level.

    Attributes
    ----------
    gain, mean, variance
        Of each mode, in units of the data, ``(m,)``.
    """

    gain: np.ndarray
    mean: np.ndarray
    variance: np.ndarray


@dataclass
class Nodes:
    """Levels that a sampler can be run on.

    Attributes
    ----------
    process
        A process of the library.
    levels
        An array of noise ratios, or a list of times of the process.
    name
        What to call them.
    scale
        How many times larger the initial state of the code is than that of the process.
    signal
        Signal of the process at the end.
    """

    process: str
    levels: np.ndarray | list[float]
    name: str
    scale: float
    signal: float = 1.0


def nearest(
    result: ProbeResult,
    nodes: Sequence[tuple[float, float]] | None = None,
    candidates: Sequence[str] = (),
    others: bool = True,
    process: str | None = None,
) -> Likeness | None:
    """The sampler nearest to a probe, or ``None`` where nothing can be compared.

    Parameters
    ----------
    result
        An exact probe.
    nodes
        Levels that the code computes with, if they are known.
    candidates
        Samplers with their options that are tried before all those of the library.
    others
        Whether those of the library are tried at all.
    process
        A process to try on the nodes, if they are known.
    """
    import gaussmeter as gm

    modes = _chosen(result)
    ours = response(result, modes)
    if ours is None:
        return None
    names = list(candidates)
    if others:
        names += [name for name in registered() if name not in candidates]
    mean = np.zeros(modes.size) if result.spectrum.mean is None else result.spectrum.mean[modes]
    # A mean in every mode shows whether it is kept.
    data = gm.Spectrum.from_eigenvalues(
        np.asarray(result.spectrum.eigenvalues)[modes], mean=np.where(mean == 0.0, 1.0, mean)
    )
    best: list[tuple[float, float, str, Nodes, float, float, float]] = []
    # Tables in float32 are usual also where states are float64.
    tolerance = {"float64": 2e-3, "float32": 2e-3}.get(result.precision, 0.05)
    for own in nodes_of(result, nodes, process):
        with grid_of(own) as grid:
            for index, name in enumerate(names):
                if index == len(candidates) and any(entry[0] < tolerance for entry in best):
                    break
                try:
                    law = gm.output_law(
                        data, sampler=name, process=own.process, grid=grid, init="exact"
                    )
                except (ValueError, ArithmeticError):
                    continue
                found = difference(ours, law, own)
                if found is not None:
                    best.append((*found[:2], name, own, *found[2:]))
        if best and min(entry[0] for entry in best) < (tolerance if candidates else 1e-8):
            break
    if not best:
        return None
    # Equal laws by their relative difference, others by their distance.
    best.sort(
        key=lambda entry: (
            entry[0] >= tolerance,
            entry[0] if entry[0] < tolerance else entry[6],
            len(entry[2]),
        )
    )
    first = best[0]
    limit = max(first[0] * 1.5, 1e-11) if first[0] < tolerance else first[0]
    same = [entry for entry in best if entry[0] <= limit and entry[3] is first[3]]
    shown: list[str] = []
    for entry in sorted(same, key=lambda e: len(e[2])):
        if entry[2].split(":")[0] not in (name.split(":")[0] for name in shown):
            shown.append(entry[2])
    return Likeness(
        tuple(shown), first[3].name, first[0] < tolerance, first[0], first[1], first[4], first[5]
    )


def response(result: ProbeResult, modes: np.ndarray) -> Response | None:
    """A probe's response, at the scale of data and from data at the first level."""
    if result.start is None or np.isnan(result.output_noise):
        end = 1.0
    else:
        end = result.end[0]
    if result.start is None or not end:
        return None
    alpha, sigma = result.start
    eigenvalues = np.asarray(result.spectrum.eigenvalues)[modes]
    gain = np.asarray(result.law.gain)[modes] / end
    noise = result.noise_variance[modes] / end**2
    variance = gain**2 * (alpha**2 * eigenvalues + sigma**2) + noise
    return Response(gain, result.mean_gain[modes] / end, variance)


def difference(
    ours: Response, law: Any, nodes: Nodes
) -> tuple[float, float, float, float, float] | None:
    """How far two laws are apart.

    Largest relative difference; the eigenvalue where they differ and both standard deviations
    there; their distance.
    """
    variance = np.asarray(law.variance) / nodes.signal**2
    gain = np.asarray(law.gain) / nodes.signal
    if not np.isfinite(variance).all():
        return None
    values = np.asarray(law.eigenvalues)
    spread = np.sqrt(np.maximum(ours.variance, variance)) + 1e-300
    own_gain = np.abs(ours.gain * nodes.scale)
    parts = np.stack(
        [
            np.abs(np.sqrt(ours.variance) - np.sqrt(variance)) / spread,
            np.abs(own_gain - np.abs(gain)) / (np.maximum(own_gain, np.abs(gain)) + 1e-12) / 2,
            np.abs(ours.mean - np.asarray(law.mean) / nodes.signal / _mean_of(law)),
        ]
    )
    # Modes that hardly come through have no digits to compare.
    parts[:2, np.sqrt(variance) < 1e-9] = 0.0
    worst = float(parts.max())
    apart = np.abs(np.sqrt(ours.variance) - np.sqrt(variance))
    apart = np.hypot(apart, np.sqrt(values) * parts[2])
    index = int((parts.max(axis=0) if worst < 1e-2 else apart).argmax())
    return (
        worst,
        float(values[index]),
        float(np.sqrt(ours.variance[index])),
        float(np.sqrt(variance[index])),
        float(np.sqrt((apart**2).sum())),
    )


def _mean_of(law: Any) -> np.ndarray:
    return np.asarray(law.mean) - np.asarray(law.mean_error)


def nodes_of(
    result: ProbeResult,
    known: Sequence[tuple[float, float]] | None = None,
    process: str | None = None,
) -> Iterator[Nodes]:
    """Levels at which the code may have had its nodes, the likeliest first."""
    told = [(one.alpha, one.sigma) for one in result.asked]
    states = [(one.state_alpha, one.state_sigma) for one in result.asked]
    lists = []
    if known is not None:
        plain = _descending([_plain(level) for level in known])
        if process is not None and result.start is not None and all(a > 0 for a, _ in plain):
            ratios = np.array([sigma / alpha for alpha, sigma in plain])
            scale = math.hypot(*result.start)
            yield Nodes(process, ratios, f"on its nodes, {process}", scale)
        yield from _nodes(plain, result, "on its nodes", False)
    if not any(math.isnan(sigma) for _, sigma in states):
        lists.append((states, "at the levels of its states"))
    lists.append((told, "at the levels told"))
    seen: list[tuple[float, ...]] = []
    for levels, name in lists:
        levels = [_plain(level) for level in levels]
        for every, suffix in ((1, ""), (2, ", every second"), (3, ", every third")):
            chosen = _descending(levels[::every] if every > 1 else levels)
            if len(chosen) < 2 - bool(every == 1):
                continue
            key = tuple(np.round([s / (a or 1e-300) for a, s in chosen], 12))
            if key not in seen:
                seen.append(key)
                yield from _nodes(chosen, result, name + suffix)


def _plain(level: tuple[float, float]) -> tuple[float, float]:
    alpha, sigma = abs(level[0]), abs(level[1])
    return (0.0 if alpha < 1e-9 * sigma else alpha), sigma


def _descending(levels: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Levels without those that are repeated, as long as the noise ratio falls."""
    found: list[tuple[float, float]] = []
    for alpha, sigma in levels:
        if not found or sigma * found[-1][0] < found[-1][1] * alpha * (1 - 1e-6):
            found.append((alpha, sigma))
    return found


def _nodes(
    levels: list[tuple[float, float]], result: ProbeResult, name: str, open_end: bool = True
) -> Iterator[Nodes]:
    """Processes of the library with these levels: in noise ratios where all are finite."""
    assert result.start is not None
    end_alpha, end_sigma = _plain(result.end)
    if not open_end:
        end_alpha, end_sigma = levels.pop()
    # A last call may be at the level of the end itself, give or take rounding: its step is none.
    if len(levels) > 1 and math.isclose(
        end_sigma * levels[-1][0], levels[-1][1] * end_alpha, rel_tol=_NO_STEP
    ):
        levels = levels[:-1]
    if not levels or end_sigma * levels[-1][0] >= levels[-1][1] * end_alpha * (1 - 1e-6):
        return
    alpha, sigma = _plain(result.start)
    whole = [*levels, (end_alpha, end_sigma)]
    straight = [s / (a + s) for a, s in whole]
    ends = 1.0 - straight[-1]
    if all(a > 0 for a, _ in levels):
        ratios = np.array([s / a for a, s in whole])
        top = max(80.0, float(ratios[0]) * (1 + 1e-12))
        yield Nodes(f"edm:sigma_max={top!r}", ratios, name, alpha)
    elif all(abs(a + s - 1) < 1e-6 for a, s in levels):
        yield Nodes("flow", straight, name, alpha + sigma, ends)
    else:
        angles = [math.atan2(s, a) for a, s in whole]
        yield Nodes("trig", angles, name, math.hypot(alpha, sigma), math.cos(angles[-1]))
    yield Nodes("flow:coordinates=u", straight, name + ", in u", alpha + sigma, ends)


@contextlib.contextmanager
def grid_of(nodes: Nodes) -> Iterator[Any]:
    """Nodes as a question takes them: times, which noise ratios cannot say, in a file."""
    if isinstance(nodes.levels, np.ndarray):
        yield nodes.levels
        return
    handle, path = tempfile.mkstemp(suffix=".txt")
    try:
        with os.fdopen(handle, "w") as file:
            file.write("\n".join(repr(float(time)) for time in nodes.levels))
        yield f"times:{path}"
    finally:
        os.unlink(path)


@lru_cache(maxsize=1)
def registered() -> tuple[str, ...]:
    """All samplers of the library, with the words that their options can have."""
    import gaussmeter as gm

    found: list[str] = []
    for member in gm.samplers:
        entry = _entry(member)
        choices = []
        for parameter in entry:
            if parameter["kind"] == "choice":
                words = parameter["expected"].removeprefix("one of ").split(", ")
                others = [word for word in words if word != parameter["default"]]
                choices.append([(parameter["name"], word) for word in others])
            if parameter["kind"] == "text" and parameter["default"] is None:
                break
        else:
            found.append(str(member))
            combined: list[str] = []
            for size in (1, 2):
                for group in itertools.combinations(choices, size):
                    for options in itertools.product(*group):
                        text = ",".join(f"{name}={word}" for name, word in options)
                        combined.append(f"{member}:{text}")
            found += combined[:_COMBINATIONS]
    return tuple(found)


def _entry(member: Any) -> list[dict[str, Any]]:
    import gaussmeter as gm

    if hasattr(member, "entry"):
        return list(member.entry["parameters"])
    for name in dir(gm.samplers):
        own = getattr(gm.samplers, name)
        if str(own) == str(member) and hasattr(own, "entry"):
            return list(own.entry["parameters"])
    return []


def _chosen(result: ProbeResult) -> np.ndarray:
    count = np.asarray(result.spectrum.eigenvalues).size
    return np.unique(np.linspace(0, count - 1, min(_MODES, count)).round().astype(int))
