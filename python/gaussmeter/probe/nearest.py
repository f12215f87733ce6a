"""Which sampler of the library has the law that a probe has found."""

from __future__ import annotations

import itertools
import math
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from .result import ProbeResult

#: Laws are compared on this many modes of the spectrum, spread evenly over them.
_MODES = 16
#: Combinations of options of one sampler that are tried.
_COMBINATIONS = 40


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
            f"off by {self.difference:.2g} at eigenvalue {self.eigenvalue:.3g}: standard deviation "
            f"{self.std:.6g} here, {self.other_std:.6g} there"
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
    grid
        Its grid: noise ratios, or the name of one.
    name
        What to call them.
    """

    process: str
    grid: Any
    name: str
    file: str | None = field(default=None, repr=False)


def nearest(result: ProbeResult, candidates: Sequence[str] | None = None) -> Likeness | None:
    """The sampler nearest to a probe, or ``None`` where nothing can be compared.

    Parameters
    ----------
    result
        An exact probe.
    candidates
        Samplers with their options; by default all of the library with all words for options.
    """
    import gaussmeter as gm

    modes = _chosen(result)
    ours = response(result, modes)
    if ours is None:
        return None
    names = list(candidates) if candidates is not None else list(registered())
    mean = np.zeros(modes.size) if result.spectrum.mean is None else result.spectrum.mean[modes]
    # A mean in every mode shows whether it is kept.
    data = gm.Spectrum.from_eigenvalues(
        np.asarray(result.spectrum.eigenvalues)[modes], mean=np.where(mean == 0.0, 1.0, mean)
    )
    best: list[tuple[float, float, str, Nodes, float, float]] = []
    # Tables in float32 are usual also where states are float64.
    tolerance = {"float64": 1e-3, "float32": 2e-3}.get(result.precision, 0.05)
    for nodes in nodes_of(result):
        try:
            for name in names:
                try:
                    law = gm.output_law(
                        data, sampler=name, process=nodes.process, grid=nodes.grid, init="exact"
                    )
                except (ValueError, ArithmeticError):
                    continue
                found = difference(ours, law, nodes, result)
                if found is not None:
                    best.append((*found[:2], name, nodes, *found[2:]))
        finally:
            if nodes.file is not None:
                os.unlink(nodes.file)
        if best and min(entry[0] for entry in best) < 1e-8:
            break
    if not best:
        return None
    best.sort(key=lambda entry: (entry[0], len(entry[2])))
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
    ours: Response, law: Any, nodes: Nodes, result: ProbeResult
) -> tuple[float, float, float, float] | None:
    """Largest relative difference, its eigenvalue, and both standard deviations there."""
    variance = np.asarray(law.variance)
    if not np.isfinite(variance).all():
        return None
    values = np.asarray(law.eigenvalues)
    assert result.start is not None
    # An initial state of the library's process, from one of the code.
    scale = result.start[0] if nodes.process.startswith("edm") else 1.0
    spread = np.sqrt(np.maximum(ours.variance, variance)) + 1e-300
    parts = np.stack(
        [
            np.abs(np.sqrt(ours.variance) - np.sqrt(variance)) / spread,
            np.abs(np.abs(ours.gain * scale) - np.abs(np.asarray(law.gain))) / (
                np.maximum(np.abs(ours.gain * scale), np.abs(np.asarray(law.gain))) + 1e-12
            ) * 0.5,
            np.abs(ours.mean - np.asarray(law.mean) / _mean_of(law)),
        ]
    )  # fmt: skip
    # Modes that hardly come through have no digits to compare.
    parts[:2, np.sqrt(variance) < 1e-9] = 0.0
    worst = parts.max(axis=0)
    index = int(worst.argmax())
    return (
        float(worst[index]),
        float(values[index]),
        float(np.sqrt(ours.variance[index])),
        float(np.sqrt(variance[index])),
    )


def _mean_of(law: Any) -> np.ndarray:
    return np.asarray(law.mean) - np.asarray(law.mean_error)


def nodes_of(result: ProbeResult) -> Iterator[Nodes]:
    """Levels at which the code may have had its nodes, the likeliest first."""
    told = [(one.alpha, one.sigma) for one in result.asked]
    states = [(one.state_alpha, one.state_sigma) for one in result.asked]
    lists = []
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
            nodes = _nodes(chosen, result, name + suffix)
            key = tuple(np.round([s / (a or 1e-300) for a, s in chosen], 12))
            if nodes is not None and key not in seen:
                seen.append(key)
                yield nodes


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


def _nodes(levels: list[tuple[float, float]], result: ProbeResult, name: str) -> Nodes | None:
    end_alpha, end_sigma = _plain(result.end)
    if end_sigma * levels[-1][0] >= levels[-1][1] * end_alpha * (1 - 1e-6):
        return None
    if all(alpha > 0 for alpha, _ in levels):
        ratios = [sigma / alpha for alpha, sigma in levels] + [end_sigma / end_alpha]
        top = max(80.0, ratios[0] * (1 + 1e-12))
        return Nodes(f"edm:sigma_max={top!r}", np.array(ratios), name)
    # Without signal there is no noise ratio: in the time of a process that begins there.
    if all(abs(alpha + sigma - 1) < 1e-6 for alpha, sigma in levels):
        process = "flow"
        times = [sigma for _, sigma in levels] + [end_sigma / (end_alpha + end_sigma)]
    else:
        process = "trig"
        times = [math.atan2(sigma, alpha) for alpha, sigma in levels]
        times.append(math.atan2(end_sigma, end_alpha))
    handle, path = tempfile.mkstemp(suffix=".txt")
    with os.fdopen(handle, "w") as file:
        file.write("\n".join(repr(time) for time in times))
    return Nodes(process, f"times:{path}", name, path)


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
