"""``gaussmeter.probe``: the exact law of any sampling code."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._spectrum import SpectrumLike, as_spectrum
from ._errors import error
from .backends import backend
from .convention import Answer, Convention, Level, Levels, convention
from .monte_carlo import GROUPS, sample_moments, w2_interval
from .result import Asked, ProbeResult, StatePoint
from .rows import (
    AMOUNTS,
    INITIAL,
    MEAN,
    ZERO,
    Path,
    Rows,
    check_means,
    check_values,
    path_of_values,
)
from .runner import Run, Setting, run

#: Noise gains are kept up to this many numbers.
_KEPT = 4_000_000
#: Rounding to float32 inside code whose states are float64 leaves about this.
_UNSEEN = 1e-5
#: The superpositions of second runs are this much of those of the first.
_LESS = 0.25


def probe(
    fn: Callable[..., Any],
    spectrum: SpectrumLike = None,
    *,
    predicts: str | Answer = "denoiser",
    levels: Levels = "edm",
    init: str | float = "normal",
    shape: tuple[int, ...] | None = None,
    library: str | None = None,
    dtype: str = "float64",
    compare: bool = True,
    nodes: Sequence[Level] | None = None,
    candidates: Sequence[str] = (),
    process: str | None = None,
    monte_carlo: bool = True,
    samples: int = 4096,
    seed: int = 0,
    numbers: int = 4_000_000,
    name: str | None = None,
) -> ProbeResult:
    """The exact law of what your sampling code outputs on Gaussian data.

    ``fn(denoiser, x_init)`` is your code: it calls ``denoiser(x, t)`` as it would call its network
    and returns the samples. The denoiser is the exact one of the spectrum, one eigenvalue for each
    coordinate, so that outputs superpose: one run on a batch (a row for the initial state, one for
    the mean, one for each noise) gives the law without sampling, and rows with random amounts of
    everything show whether the code is affine at all.

    All normal numbers that the code draws are seen, from PyTorch (with any generator, and
    torchsde's Brownian paths), from ``np.random`` and from NumPy generators that it holds, and from
    JAX keys. An argument without default named ``rng``, ``generator`` or ``key`` is handed a
    generator of NumPy, of PyTorch, or a key of JAX. If ``fn`` is a generator, what it yields are
    states (``yield x``, or ``yield x, t``), the last one is the output, and
    :meth:`ProbeResult.curve` has their laws.

    Parameters
    ----------
    fn
        Your sampling code. It is run two or three times.
    spectrum
        The data: a :class:`gaussmeter.Spectrum`, the name of a preset, a file, or eigenvalues;
        CIFAR-10's by default.
    predicts
        What your network predicts: ``"denoiser"`` (the data), ``"noise"``, ``"score"``, ``"v"``,
        ``"flow"`` (noise minus data), or a function of signal, noise and eigenvalues that returns
        gain and offset.
    levels
        What it is told: ``"edm"`` (sigma, and ``x = x0 + sigma n``), ``"flow"`` (u, and
        ``x = (1 - u) x0 + u n``), ``"trig"``, an array ``alphas_cumprod`` whose index it is told,
        or a function of the time that returns ``(alpha, sigma)``.
    init
        The law of ``x_init``: ``"normal"`` (no signal; variance 1 if ``levels`` is an array, and
        otherwise the noise of the first level that the network is told), ``"exact"`` (that of the
        data at this level), or a standard deviation.
    shape
        Shape of one sample, such as ``(3, 32, 32)``, of at least as many numbers as the spectrum
        has modes. The default is a vector.
    library
        ``"numpy"``, ``"torch"`` or ``"jax"``. By default the one that the module of ``fn`` uses.
    dtype
        Type of ``x_init``. With another one than float64, a second probe says what it costs.
    compare
        Look for the sampler of the library that has the same law.
    nodes
        Levels ``(alpha, sigma)`` that the code computes with, from noise to the end, where they are
        known: our samplers are run on these first, and then on the levels told and those of states.
    candidates
        Samplers with their options to try first.
    process
        A process of the library to run them on, beside those that follow from the levels: one whose
        network is told whole timesteps, for example.
    monte_carlo
        Whether to sample where the code is not affine, instead of raising the error.
    samples, seed
        How many samples in that case, and the seed of their initial states.
    numbers
        How many numbers a batch may have; with more noises, several batches are run.
    name
        What to call the code. By default its own name.

    Returns
    -------
    ProbeResult
        A law, with W2 and its parts, and what the code did.

    Raises
    ------
    GaussmeterError
        If the code keeps state between calls, mixes coordinates or rows, draws noise that is not
        normal or of another batch, tells different rows different times, or fails.

    Examples
    --------
    >>> import numpy as np, gaussmeter as gm
    >>> def euler(denoiser, x):
    ...     sigmas = np.append(np.geomspace(80, 0.002, 20), 0.0)
    ...     for sigma, after in zip(sigmas, sigmas[1:]):
    ...         x = x + (after - sigma) * (x - denoiser(x, sigma)) / sigma
    ...     return x
    >>> result = gm.probe(euler, gm.Spectrum.cifar10())
    >>> round(result.w2, 3), result.like.names[0]
    (3.705, 'ddim')
    """
    spectrum = as_spectrum(spectrum)
    layout = _Layout.of(spectrum, shape)
    setting = Setting(
        fn=fn,
        convention=convention(predicts, levels),
        eigenvalues=layout.eigenvalues,
        mean=layout.mean,
        sample_shape=layout.sample_shape,
        reference=layout.reference,
        backend=backend(library, fn),
        dtype=dtype,
    )
    found = _Probe(setting, layout, spectrum, init, numbers, name or _name(fn))
    result = found.result(monte_carlo, samples, seed)
    if dtype != "float64" and result.is_exact:
        _say_rounding(result, replace(setting, dtype="float64"), found)
    if compare and result.is_exact:
        from .nearest import nearest

        result.like = nearest(result, nodes, candidates, process=process)
    return result


def _say_rounding(result: ProbeResult, setting: Setting, found: _Probe) -> None:
    double = _Probe(setting, found.layout, found.spectrum, found.init, found.numbers, found.name)
    exact = double.result(False, 0, 0)
    change = abs(float(result.law.w2) - float(exact.law.w2))
    result.notes.append(
        f"rounding to {found.setting.dtype} changes W2 by {change:.2g}, from {exact.law.w2:.6g}"
    )


@dataclass(frozen=True)
class Traced:
    """The state of one eigenvalue at one evaluation, by its responses.

    Attributes
    ----------
    alpha, sigma
        Level that the network was told.
    gain
        On the initial state, whose signal and noise are ``start``.
    mean
        Of data with mean 1, from an initial state that has the mean it should have.
    noise
        Variance that the noises have added.
    """

    alpha: float
    sigma: float
    gain: float
    mean: float
    noise: float

    def variance(self, start: tuple[float, float], eigenvalue: float) -> float:
        """Variance of the state, from data at the first level."""
        return self.gain**2 * (start[0] ** 2 * eigenvalue + start[1] ** 2) + self.noise


def trace(
    fn: Callable[..., Any],
    eigenvalue: float,
    *,
    predicts: str | Answer = "denoiser",
    levels: Levels = "edm",
    library: str | None = None,
) -> tuple[tuple[float, float], list[Traced]]:
    """Level of the initial state, and the state of one eigenvalue at every evaluation.

    Parameters
    ----------
    fn, predicts, levels, library
        As for :func:`probe`.
    eigenvalue
        Of the data.
    """
    import gaussmeter as gm

    data = gm.Spectrum.from_eigenvalues([eigenvalue], mean=[1.0])
    layout = replace(_Layout.of(data, (1,)), reference=0)
    setting = Setting(
        fn=fn,
        convention=convention(predicts, levels),
        eigenvalues=layout.eigenvalues,
        mean=layout.mean,
        sample_shape=layout.sample_shape,
        reference=0,
        backend=backend(library, fn),
        dtype="float64",
    )
    sums = _Probe(setting, layout, data, "exact", 4_000_000, "").sums()
    start = _start_of(sums) or (0.0, 0.0)
    return start, [
        Traced(s.alpha, s.sigma, s.gain or 0.0, s.mean + (s.gain or 0.0) * start[0], s.noise)
        for s in sums.evaluations
    ]


@dataclass(frozen=True)
class _Layout:
    """Which coordinate of a sample is which mode of the spectrum."""

    sample_shape: tuple[int, ...]
    modes: np.ndarray
    eigenvalues: np.ndarray
    mean: np.ndarray
    reference: int | None

    @classmethod
    def of(cls, spectrum: Any, shape: tuple[int, ...] | None) -> _Layout:
        eigenvalues = np.asarray(spectrum.eigenvalues, dtype=np.float64)
        count = eigenvalues.size
        mean = np.zeros(count) if spectrum.mean is None else np.asarray(spectrum.mean)
        sample_shape = (count + 1,) if shape is None else tuple(int(s) for s in shape)
        size = int(np.prod(sample_shape, dtype=int))
        if size < count:
            raise error(
                f"shape {sample_shape} has {size} numbers, the spectrum {count} modes",
                "take a larger shape or a spectrum with fewer modes",
            )
        index = np.arange(size) % count
        values, means = eigenvalues[index].copy(), mean[index].copy()
        reference = None
        if size > count:
            reference = size - 1
            values[reference], means[reference] = 0.0, 0.0
        elif (eigenvalues == 0.0).any():
            reference = int(np.flatnonzero(eigenvalues == 0.0)[0])
        return cls(sample_shape, np.arange(count), values, means, reference)


class _NotAffine(Exception):
    """The code is not affine, for this reason."""


class _Probe:
    def __init__(
        self,
        setting: Setting,
        layout: _Layout,
        spectrum: Any,
        init: str | float,
        numbers: int,
        name: str,
    ) -> None:
        if isinstance(init, str) and init not in ("normal", "exact"):
            raise error(
                f"unknown init {init!r}", "take normal, exact, or a standard deviation of x_init"
            )
        self.setting = setting
        self.layout = layout
        self.spectrum = spectrum
        self.init = init
        self.numbers = numbers
        self.name = name

    def result(self, monte_carlo: bool, samples: int, seed: int) -> ProbeResult:
        try:
            return self._exact()
        except _NotAffine as problem:
            if not monte_carlo:
                raise error(
                    f"the sampler's code is not affine: {problem}",
                    "switch that off, or let it be sampled (monte_carlo=True)",
                ) from None
            return self._sampled(str(problem), samples, seed)

    def _exact(self) -> ProbeResult:
        sums = self.sums()
        return self._assembled(sums.first, sums, sums.scale)

    def sums(self) -> _Sums:
        """The responses of the code, from all runs that they need."""
        coordinates = self.setting.eigenvalues.size
        # Affine code is the same at any scale; the superpositions are at several.
        scale = float(self.init) if not isinstance(self.init, str) and self.init > 0 else 1.0
        first = run(self.setting, Rows(coordinates, initial_scale=scale))
        if not first.evaluations:
            raise error(
                "the sampler's code never asks the network",
                "call the denoiser that it is handed, as denoiser(x, t)",
            )
        sums = _Sums(first, scale)
        room = max(self.numbers // coordinates - len(first.output), 1)
        if first.noises == 0:
            order = tuple(reversed(range(3 + len(AMOUNTS))))
            rows = Rows(coordinates, initial_scale=scale, amount=_LESS, order=order)
            self._same(first, run(self.setting, rows), rows)
        for begin in range(0, first.noises, room):
            noises = range(begin, min(begin + room, first.noises))
            rows = Rows(coordinates, noises, scale, _LESS)
            part = run(self.setting, rows, first.paths)
            self._same(first, part, rows)
            sums.add(part, noises, rows, first.paths)
        return sums

    def _initial_std(self, start: tuple[float, float] | None) -> float:
        if not isinstance(self.init, str):
            return float(self.init)
        if self.init == "normal" and self.setting.convention.starts_in_unit_noise:
            return 1.0
        return 1.0 if start is None else abs(start[1])

    def _same(self, first: Run, other: Run, rows: Rows) -> None:
        """Two runs agree on what they share, or it is said why not."""
        times, others = ([e.time for e in r.evaluations] for r in (first, other))
        same_course = len(times) == len(others) and np.allclose(times, others, rtol=1e-9, atol=0)
        same_course = same_course and first.noises == other.noises
        ours, theirs = first.output[:3], other.output[:3]
        largest = np.max([e.largest[:3] for e in first.evaluations], axis=0)
        with np.errstate(invalid="ignore"):
            limit = _tolerance(first) * np.maximum(largest, np.abs(ours).max(axis=1))[:, None]
            differs = np.abs(ours - theirs) > limit
        if same_course and not differs.any():
            return
        scale = rows.initial_scale
        again = run(
            self.setting, Rows(rows.coordinates, initial_scale=scale), first.paths, watch=True
        )
        repeats = [e.time for e in again.evaluations] == times and np.array_equal(
            again.output, first.output, equal_nan=True
        )
        seen = again.suspects.sentence() if again.suspects else ""
        if not repeats:
            raise error(
                "two runs of the sampler's code on the same batch differ: it keeps state between "
                "calls, or draws noise that a probe does not see",
                "make what it keeps (a scheduler, a history) inside the function, and draw noise "
                "with torch, np.random, or a generator that it takes as rng",
            )
        if not same_course:
            raise _NotAffine("its steps depend on the state (adaptive steps)")
        raise error(
            "a sample of the output depends on the other samples of the batch"
            + (f", by {seen}" if seen else ""),
            "compute norms, means and quantiles for each sample, not for the batch",
        )

    def _assembled(self, first: Run, sums: _Sums, scale: float) -> ProbeResult:
        modes = self.layout.modes
        residual, is_affine = sums.residual()
        finite = np.isfinite(first.output).all(axis=1)
        if finite[INITIAL] and not finite[ZERO]:
            is_affine = False
        elif not finite.all():
            bad = [
                f"{v:.3g}" for v in self.setting.eigenvalues[~np.isfinite(first.output).all(axis=0)]
            ]
            raise error(
                f"the output is not finite for the eigenvalues {', '.join(bad[:3])}",
                "noise, score and velocity are infinite at sigma = 0 without variance: end above "
                "0, or step there without the network",
            )
        if not is_affine:
            rows = Rows(self.setting.eigenvalues.size, initial_scale=scale)
            seen = run(self.setting, rows, first.paths, watch=True).suspects
            names = seen.sentence() if seen is not None else ""
            raise _NotAffine(
                (names or "an operation that is not affine, or one that mixes coordinates")
                + (f"; superposition is off by {residual:.1g}" if residual > 0 else "")
            )
        level = _start_of(sums)
        v0, m0 = self._initial_law(level)
        mean = self.layout.mean[modes]
        gain, response = sums.gain[modes], sums.mean[modes]
        variance = gain**2 * v0[modes] + sums.variance[modes]
        output_mean = sums.offset[modes] + gain * m0[modes] + response * mean
        import gaussmeter as gm

        law = gm.Law.from_modes(self.spectrum, gain, output_mean, variance)
        signal = 0.0 if level is None else level[0]
        result = ProbeResult(
            law=law,
            spectrum=self.spectrum,
            method="exact",
            reason=None,
            w2_interval=None,
            nfe=first.nfe,
            asked=self._asked(first, sums, level),
            noises=first.noises,
            draws=first.draws,
            linearity=residual,
            precision=_coarsest(first),
            mean_gain=response + gain * signal,
            noise_gains=None if sums.gains is None else sums.gains[:, modes],
            output_noise=self._end(sums, level)[1],
            offset=float(np.abs(sums.offset[modes]).max()),
            name=self.name,
            initial_std=float(np.sqrt(v0[0])) if self.init != "exact" else float("nan"),
            start=level,
            end=self._end(sums, level),
            noise_variance=sums.variance[modes],
        )
        result.states = self._states(first, sums, level, v0, m0)
        end = first.evaluations[-1]
        result.last = self._point(sums.last, (end.alpha, end.sigma), first.nfe - 1, v0, m0)
        if _coarsest(first) != self.setting.dtype:
            result.notes.append(f"the code rounds to {_coarsest(first)} whatever it is handed")
        elif residual > _tolerance(first):
            result.notes.append(f"rounding inside the code is of the size {residual:.1g}")
        limit = 1e3 * _tolerance(first) * max(1.0, float(np.abs(sums.gain[modes]).max()))
        if result.offset > limit:
            result.notes.append(
                f"the code adds up to {result.offset:.3g} to the output whatever the state"
            )
        return result

    def _initial_law(self, level: tuple[float, float] | None) -> tuple[np.ndarray, np.ndarray]:
        size = self.setting.eigenvalues.size
        if self.init == "exact":
            if level is None:
                return np.zeros(size), np.zeros(size)
            alpha, sigma = level
            return alpha**2 * self.setting.eigenvalues + sigma**2, alpha * self.layout.mean
        return np.full(size, self._initial_std(level) ** 2), np.zeros(size)

    def _asked(self, first: Run, sums: _Sums, level: tuple[float, float] | None) -> list[Asked]:
        found = []
        for evaluation, seen in zip(first.evaluations, sums.evaluations, strict=True):
            alpha = sigma = float("nan")
            if self.setting.reference is not None and seen.gain is not None:
                signal, noise = (0.0, 0.0) if level is None else level
                alpha = seen.mean + seen.gain * signal
                sigma = float(np.sqrt(seen.noise + (seen.gain * noise) ** 2))
            found.append(Asked(evaluation.time, evaluation.alpha, evaluation.sigma, alpha, sigma))
        return found

    def _end(self, sums: _Sums, level: tuple[float, float] | None) -> tuple[float, float]:
        """Signal and noise of the output, in a coordinate without variance."""
        reference = self.setting.reference
        if reference is None:
            return 1.0, float("nan")
        alpha, noise = (0.0, 0.0) if level is None else level
        gain = sums.gain[reference]
        sigma = float(np.sqrt(sums.variance[reference] + (gain * noise) ** 2))
        signal = float(sums.mean[reference] + gain * alpha)
        # What tables in float32 leave is no level.
        return signal, sigma if sigma > max(sums.rounding, 1e-6 * abs(noise)) else 0.0

    def _states(
        self,
        first: Run,
        sums: _Sums,
        level: tuple[float, float] | None,
        v0: np.ndarray,
        m0: np.ndarray,
    ) -> list[StatePoint]:
        found = []
        for index, moments in enumerate(sums.states):
            given = first.state_levels[index]
            if given is None:
                given = self._level_of_state(moments, level)
            count = first.evaluations_at_states[index]
            found.append(self._point(moments, given, count, v0, m0))
        return found

    def _point(
        self,
        moments: _Moments,
        level: tuple[float, float],
        evaluations: int,
        v0: np.ndarray,
        m0: np.ndarray,
    ) -> StatePoint:
        modes = self.layout.modes
        mean = self.layout.mean[modes]
        weights = np.asarray(self.spectrum.multiplicities)
        alpha, sigma = level
        gain = moments.gain[modes]
        variance = gain**2 * v0[modes] + moments.variance[modes]
        centre = moments.offset[modes] + gain * m0[modes] + moments.mean[modes] * mean
        target = alpha**2 * self.setting.eigenvalues[modes] + sigma**2
        terms = (centre - alpha * mean) ** 2 + (np.sqrt(variance) - np.sqrt(target)) ** 2
        w2 = float(np.sqrt((weights * terms).sum()))
        return StatePoint(evaluations, alpha, sigma, w2, gain, centre, variance)

    def _level_of_state(
        self, moments: _Moments, level: tuple[float, float] | None
    ) -> tuple[float, float]:
        reference = self.setting.reference
        if reference is None:
            raise error(
                "the level of a state that the code yields is not known",
                "yield x, t with what the network is told at x, or leave shape= out",
            )
        signal, noise = (0.0, 0.0) if level is None else level
        gain = moments.gain[reference]
        sigma = np.sqrt(moments.variance[reference] + (gain * noise) ** 2)
        return float(moments.mean[reference] + gain * signal), float(sigma)

    def _sampled(self, reason: str, samples: int, seed: int) -> ProbeResult:
        import gaussmeter as gm

        rows = Rows(self.setting.eigenvalues.size)
        first = run(self.setting, rows)
        level = _start_of(_Sums(first, 1.0))
        v0, m0 = self._initial_law(level)
        modes = self.layout.modes
        mean, variance, groups, denoiser = sample_moments(
            self.setting, modes, self.layout.mean, m0, np.sqrt(v0), samples, seed
        )
        size = max(samples // GROUPS, 8)
        law = gm.Law.from_modes(self.spectrum, np.zeros(modes.size), mean, variance)
        nan = float("nan")
        asked = [Asked(e.time, e.alpha, e.sigma, nan, nan) for e in denoiser.evaluations]
        return ProbeResult(
            law=law,
            spectrum=self.spectrum,
            method="Monte Carlo",
            reason=reason,
            w2_interval=w2_interval(self.spectrum, groups, size),
            nfe=denoiser.nfe,
            asked=asked,
            noises=first.noises,
            draws=first.draws,
            linearity=nan,
            precision=_coarsest(first),
            mean_gain=np.full(modes.size, nan),
            noise_gains=None,
            output_noise=nan,
            offset=nan,
            name=self.name,
            notes=[f"{GROUPS * size} samples"],
            start=level,
        )


@dataclass
class _Moments:
    """Responses of all coordinates: offset, gain, mean, and the variance of the noises."""

    offset: np.ndarray
    gain: np.ndarray
    mean: np.ndarray
    variance: np.ndarray

    @classmethod
    def of(cls, output: np.ndarray, scale: float) -> _Moments:
        offset = output[ZERO]
        return cls(
            offset,
            (output[INITIAL] - offset) / scale,
            output[MEAN] - offset,
            np.zeros_like(offset),
        )


@dataclass
class _Seen:
    """The coordinate without variance at one evaluation."""

    alpha: float
    sigma: float
    gain: float | None
    mean: float = 0.0
    noise: float = 0.0


class _Sums(_Moments):
    """Responses of the output, of the states, and of the coordinate without variance."""

    def __init__(self, first: Run, scale: float) -> None:
        with np.errstate(invalid="ignore", over="ignore"):
            found = _Moments.of(first.output, scale)
            super().__init__(found.offset, found.gain, found.mean, found.variance)
            self.first = first
            self.scale = scale
            self.states = [_Moments.of(state, scale) for state in first.states]
            self.last = _Moments.of(first.last, scale)
            self.evaluations = [_seen(e, scale) for e in first.evaluations]
            checks = slice(3, None)
            initial = scale * check_values("initial", self.gain.size)
            means = check_means()[:, None]
            self.predicted = self.offset + initial * self.gain + means * self.mean
            self.sizes = np.abs(initial * self.gain) + np.abs(means * self.mean)
            self.actual = first.output[checks]
        keep = first.noises * self.gain.size <= _KEPT
        self.gains = np.zeros((first.noises, self.gain.size)) if keep else None
        self.rounding = 64 * _tolerance(first) * float(np.abs(self.gain).max(initial=0.0)) * scale

    def add(self, part: Run, noises: range, rows: Rows, paths: list[Path]) -> None:
        """The responses to some of the noises."""
        with np.errstate(invalid="ignore", over="ignore"):
            chosen = slice(3, 3 + len(noises))
            responses = part.output[chosen] - part.output[ZERO]
            self.variance += (responses**2).sum(axis=0)
            if self.gains is not None:
                self.gains[noises.start : noises.stop] = responses
            for moments, state in zip(
                [*self.states, self.last], [*part.states, part.last], strict=True
            ):
                moments.variance += ((state[chosen] - state[ZERO]) ** 2).sum(axis=0)
            for seen, evaluation in zip(self.evaluations, part.evaluations, strict=True):
                if evaluation.state is not None:
                    noise = evaluation.state[chosen] - evaluation.state[ZERO]
                    seen.noise += float((noise**2).sum())
            values = _values_in_checks(noises, rows.coordinates, paths)
            for response, value in zip(responses, values, strict=True):
                self.predicted += value * response
                self.sizes += np.abs(value * response)

    def residual(self) -> tuple[float, bool]:
        """Largest relative error of the superposition, and whether rounding explains it."""
        precision = _tolerance(self.first)
        with np.errstate(invalid="ignore", over="ignore"):
            errors = np.abs(self.actual - self.predicted)
            largest = np.max([e.largest[3:] for e in self.first.evaluations], axis=0)[:, None]
            sizes = np.maximum(self.sizes, largest)
            relative = np.where(errors == 0.0, 0.0, errors / sizes)
        of_rows = np.nan_to_num(relative, nan=0.0).max(axis=1)
        worst = float(of_rows.max())
        # Rounding does not know how large a row is. A rule that does shows in some of them only.
        is_even = worst <= 300.0 * float(of_rows.min())
        return worst, worst <= precision or (is_even and worst <= max(_UNSEEN, 10 * precision))


def _start_of(sums: _Sums) -> tuple[float, float] | None:
    """Level of ``x_init``, without the noise that was added before the first evaluation."""
    one = sums.evaluations[0]
    if one.gain is None:
        return one.alpha, one.sigma
    if one.gain == 0.0:
        return None
    noise = max(one.sigma**2 - one.noise, 0.0)
    return one.alpha / one.gain, float(np.sqrt(noise)) / abs(one.gain)


def _seen(evaluation: Any, scale: float) -> _Seen:
    if evaluation.state is None:
        return _Seen(evaluation.alpha, evaluation.sigma, None)
    state = evaluation.state
    return _Seen(
        evaluation.alpha,
        evaluation.sigma,
        float(state[INITIAL] - state[ZERO]) / scale,
        float(state[MEAN] - state[ZERO]),
    )


def _values_in_checks(noises: range, coordinates: int, paths: list[Path]) -> list[np.ndarray]:
    """What the noises are in the superpositions."""
    of_paths: dict[int, np.ndarray] = {}
    for path in paths:
        if len(path.times) < 2 or path.first_noise >= noises.stop:
            continue
        for offset, value in enumerate(path_of_values(path, coordinates)):
            of_paths[path.first_noise + offset] = value
    return [
        of_paths[index] if index in of_paths else check_values(index, coordinates)
        for index in noises
    ]


_PRECISIONS = {"float64": 2.2e-16, "float32": 1.2e-7, "float16": 1e-3, "bfloat16": 8e-3}


def _coarsest(run: Run) -> str:
    seen = [e.precision for e in run.evaluations] + sorted(run.types)
    return max(seen, key=lambda name: _PRECISIONS.get(name, 0.0))


def _tolerance(run: Run) -> float:
    """What rounding may do to a superposition."""
    precision = _PRECISIONS.get(_coarsest(run), 2.2e-16)
    factor = 100.0 if precision < 1e-4 else 4.0
    return factor * precision * float(np.sqrt(len(run.evaluations) + 1.0))


def _name(fn: Callable[..., Any]) -> str:
    while isinstance(fn, functools.partial):
        fn = fn.func
    return getattr(fn, "__name__", type(fn).__name__)


__all__ = ["Convention", "probe"]
