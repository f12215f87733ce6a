"""Assertions about sampling code, for the test suites of other projects.

Each of them runs the code once or a few times on a batch of unit vectors (:func:`gaussmeter.probe`)
and compares exact numbers: no samples, no tolerance for chance. What they take is either

- a function ``fn(denoiser, x, levels)`` that steps through the noise levels it is handed, from the
  first to the last (sigma of EDM, or what ``levels=`` of :func:`gaussmeter.probe` says), or
- ``gaussmeter.probe.Runs``, such as ``gm.diffusers.runs(scheduler)``, for code that makes its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from .probe import ProbeResult, Runs, Traced, trace
from .probe import probe as probe_code
from .probe._errors import error

#: Sampling code: a function of denoiser, state and levels, or runs at any number of steps.
Code = Callable[..., Any] | Runs

#: Eigenvalues that assertions look at unless they are told others.
EIGENVALUES = (1e-3, 1e-2, 0.1, 0.5, 1.0, 4.0, 30.0)


def default_spectrum() -> Any:
    """A few eigenvalues over the range of pictures, with a mean in each."""
    import gaussmeter as gm

    return gm.Spectrum.from_eigenvalues(EIGENVALUES, mean=[1.0] * len(EIGENVALUES))


def karras(steps: int, sigma_max: float = 80.0, sigma_min: float = 0.1) -> np.ndarray:
    """``steps + 1`` noise levels of Karras et al. (2022) that end at ``sigma_min``, above 0."""
    ramp = np.linspace(0.0, 1.0, steps + 1)
    high, low = sigma_max ** (1 / 7), sigma_min ** (1 / 7)
    return (high + ramp * (low - high)) ** 7


def errors(
    code: Code,
    steps: Sequence[int],
    spectrum: Any = None,
    grid: Callable[[int], Any] = karras,
    **options: Any,
) -> list[float]:
    """The distance of the law to the data at the level reached, for several numbers of steps.

    It starts from the data at the first level, so that nothing but discretization is in it. Code
    that ends above 0 is compared at its end, other code at its last evaluation: the step to 0 is
    never subdivided, and its error does not fall.

    Parameters
    ----------
    code
        A function ``fn(denoiser, x, levels)``, or runs.
    steps
        Numbers of steps.
    spectrum
        The data. By default :data:`EIGENVALUES`.
    grid
        From a number of steps to levels, for functions.
    options
        Those of :func:`gaussmeter.probe`.

    Returns
    -------
    list of float
        W2 for each number of steps.
    """
    return [_error(_run(code, count, spectrum, grid, options)) for count in steps]


def measured_order(values: Sequence[float], steps: Sequence[int]) -> float:
    """The order that the last two errors show."""
    if values[-1] <= 0.0 or values[-2] <= 0.0:
        return math.inf
    return math.log(values[-2] / values[-1]) / math.log(steps[-1] / steps[-2])


def assert_order(
    code: Code,
    order: float,
    spectrum: Any = None,
    *,
    steps: Sequence[int] = (32, 64, 128, 256),
    grid: Callable[[int], Any] = karras,
    tolerance: float = 0.25,
    **options: Any,
) -> None:
    """The error of the law falls at least with this power of the number of steps.

    Parameters
    ----------
    code, spectrum, grid, options
        As for :func:`errors`.
    order
        Order of the marginal laws. On Gaussian data some rules have a higher one than elsewhere
        (the midpoint rule in sigma: 3).
    steps
        Numbers of steps, of which the last two decide.
    tolerance
        How much less is still enough.

    Raises
    ------
    AssertionError
        With the errors, the order measured, and where the largest error is.

    Examples
    --------
    >>> import gaussmeter as gm
    >>> def heun(denoiser, x, sigmas):
    ...     for s, t in zip(sigmas, sigmas[1:]):
    ...         d = (x - denoiser(x, s)) / s
    ...         y = x + (t - s) * d
    ...         x = x + (t - s) * (d + (y - denoiser(y, t)) / t) / 2
    ...     return x
    >>> gm.testing.assert_order(heun, 2)
    """
    results = [_run(code, count, spectrum, grid, options) for count in steps]
    values = [_error(result) for result in results]
    found = measured_order(values, steps)
    if not found >= order - tolerance and values[-1] > 1e-9:
        raise AssertionError(
            f"{_name(code)}: order {found:.2f}, not {order:g}. W2 to the data at the level "
            f"reached: {_listed(steps, values)}. {_where(results[-1])}"
        )


def assert_converges(
    code: Code,
    spectrum: Any = None,
    *,
    steps: Sequence[int] = (32, 128, 512),
    grid: Callable[[int], Any] = karras,
    factor: float = 2.0,
    **options: Any,
) -> None:
    """With more steps the law tends to the data, and to nothing else.

    Parameters
    ----------
    code, spectrum, grid, options
        As for :func:`errors`.
    steps
        Numbers of steps.
    factor
        By how much the error has to fall from one to the next.

    Raises
    ------
    AssertionError
        With the errors, and where the one that stays is.
    """
    results = [_run(code, count, spectrum, grid, options) for count in steps]
    values = [_error(result) for result in results]
    small = 1e-6 * max(values[0], 1.0)
    if any(b > max(a / factor, small) or not b < math.inf for a, b in pairwise(values)):
        raise AssertionError(
            f"{_name(code)} does not converge to the data. W2 to the data at the level reached: "
            f"{_listed(steps, values)}. {_where(results[-1])}"
        )


def assert_w2_below(
    code: Callable[..., Any] | ProbeResult, spectrum: Any, bound: float, **options: Any
) -> None:
    """The distance of the output to the data is below a bound.

    Parameters
    ----------
    code
        A function ``fn(denoiser, x)``, or its probe.
    spectrum
        The data.
    bound
        In units of the data.
    options
        Those of :func:`gaussmeter.probe`.

    Raises
    ------
    AssertionError
        With W2, its parts, and the eigenvalues that add most to it.
    """
    result = code
    if not isinstance(code, ProbeResult):
        result = probe_code(code, spectrum, **{"compare": False, **options})
    assert isinstance(result, ProbeResult)
    upper = result.law.w2 if result.w2_interval is None else result.w2_interval.high
    if not upper < bound:
        parts = np.asarray(result.law.contribution)
        most = np.argsort(parts)[::-1][:3]
        values = ", ".join(
            f"{np.asarray(result.law.eigenvalues)[i]:.3g} ({100 * parts[i] / parts.sum():.0f} %)"
            for i in most
        )
        raise AssertionError(
            f"{result.name}: W2 = {result.law.w2:.6g}, not below {bound:g} (mean "
            f"{result.law.w2_mean:.4g}, covariance {result.law.w2_cov:.4g}); most of it at the "
            f"eigenvalues {values}"
        )


def assert_mean_preserved(
    code: Callable[..., Any] | ProbeResult,
    spectrum: Any = None,
    *,
    rtol: float = 1e-5,
    **options: Any,
) -> None:
    """From an initial state with the right mean, the output has the mean of the data.

    Parameters
    ----------
    code
        A function ``fn(denoiser, x)``, or its probe.
    spectrum
        The data. By default :data:`EIGENVALUES`.
    rtol
        Relative error that is allowed.
    options
        Those of :func:`gaussmeter.probe`.

    Raises
    ------
    AssertionError
        With the eigenvalue where most of the mean is lost, and the evaluation where that begins.
    """
    result = code
    if not isinstance(code, ProbeResult):
        data = default_spectrum() if spectrum is None else spectrum
        result = probe_code(code, data, **{"compare": False, **options})
    assert isinstance(result, ProbeResult)
    # An output that keeps noise keeps its share of the signal.
    scale = result.end[0] if result.output_noise > 0 else 1.0
    gains = np.asarray(result.mean_gain) / scale
    worst = int(np.abs(gains - 1.0).argmax())
    if not abs(gains[worst] - 1.0) <= rtol:
        eigenvalue = float(np.asarray(result.law.eigenvalues)[worst])
        begins = ""
        if not isinstance(code, ProbeResult):
            keys = ("predicts", "levels", "library")
            chosen = {key: options[key] for key in keys if key in options}
            begins = _lost(trace(code, eigenvalue, **chosen)[1], rtol)
        raise AssertionError(
            f"{result.name} does not keep the mean: {gains[worst]:.6g} of it is left at eigenvalue "
            f"{eigenvalue:.3g}{begins}"
        )


def assert_same_law(
    code: Callable[..., Any] | ProbeResult,
    sampler: str,
    levels_used: Any = None,
    spectrum: Any = None,
    *,
    rtol: float = 1e-6,
    process: str = "edm",
    **options: Any,
) -> None:
    """The code has the law of a sampler of the library on the same levels.

    Parameters
    ----------
    code
        A function ``fn(denoiser, x)``, or its probe.
    sampler
        A sampler of the library with its options, such as ``"dpmpp-2m"``.
    levels_used
        Noise ratios (sigma of EDM) that the code steps through, the noisiest first, with its end.
        By default they are inferred from what the network is told.
    spectrum
        The data. By default :data:`EIGENVALUES`.
    rtol
        Relative difference of gains, means and standard deviations that is allowed.
    process
        The process of the library, where ``levels_used`` are given.
    options
        Those of :func:`gaussmeter.probe`.

    Raises
    ------
    AssertionError
        With the eigenvalue where the laws differ, the first step where the states do, and the
        coefficients there.
    """
    result = code
    if not isinstance(code, ProbeResult):
        data = default_spectrum() if spectrum is None else spectrum
        result = probe_code(code, data, **{"compare": False, **options})
    assert isinstance(result, ProbeResult)
    if not result.is_exact:
        raise AssertionError(f"{result.name} is not affine: {result.reason}")
    from .probe.nearest import nearest

    nodes = None
    if levels_used is not None:
        nodes = [(1.0, float(level)) for level in np.asarray(levels_used, dtype=float)]
    like = nearest(result, nodes, [sampler], others=False)
    if like is None:
        raise error(
            f"{sampler} cannot be run on the levels of {result.name}",
            "hand in levels_used, from noise to the end",
        )
    if like.difference > rtol:
        where = ""
        if not isinstance(code, ProbeResult):
            keys = ("predicts", "levels", "library")
            chosen = {key: options[key] for key in keys if key in options}
            where = _first_difference(code, sampler, nodes, like.eigenvalue, rtol, process, chosen)
        raise AssertionError(
            f"{result.name} has another law than {sampler}: relative difference "
            f"{like.difference:.3g}, more than {rtol:g}; at eigenvalue {like.eigenvalue:.3g} the "
            f"standard deviation is {like.std:.8g}, not {like.other_std:.8g}{where}"
        )


def _first_difference(
    code: Callable[..., Any],
    sampler: str,
    nodes: list[tuple[float, float]] | None,
    eigenvalue: float,
    rtol: float,
    process: str,
    options: dict[str, Any],
) -> str:
    """The first step after which the state of one eigenvalue is another one."""
    import gaussmeter as gm

    start, states = trace(code, eigenvalue, **options)
    if nodes is not None:
        ratios = [sigma / alpha for alpha, sigma in nodes]
    else:
        ratios = _falling([state.sigma / state.alpha for state in states if state.alpha > 0])
    if not start[0] > 0 or len(ratios) < 2:
        return ""
    data = gm.Spectrum.from_eigenvalues([eigenvalue], mean=[1.0])
    process = f"edm:sigma_max={max(80.0, float(ratios[0]))!r}" if process == "edm" else process
    for index in range(1, len(ratios)):
        if ratios[index] <= 0:
            break
        found = [s for s in states if s.alpha > 0 and _close(s.sigma / s.alpha, ratios[index])]
        if not found:
            continue
        state = found[0]
        try:
            law = gm.output_law(
                data, sampler=sampler, process=process, grid=np.array(ratios[: index + 1]),
                init="exact",
            )  # fmt: skip
        except ValueError:
            return ""
        gain, other = state.gain / state.alpha * start[0], float(np.asarray(law.gain)[0])
        std = math.sqrt(state.variance(start, eigenvalue)) / state.alpha
        other_std = math.sqrt(float(np.asarray(law.variance)[0]))
        pairs = (
            ("gain on the initial state", gain, other),
            ("standard deviation", std, other_std),
            ("mean", state.mean / state.alpha, float(np.asarray(law.mean)[0])),
        )  # fmt: skip
        for name, own, theirs in pairs:
            if abs(own - theirs) > rtol * max(abs(own), abs(theirs)):
                return (
                    f". The states differ from step {index} on (sigma {ratios[index - 1]:.5g} to "
                    f"{ratios[index]:.5g}): the {name} is {own:.8g} there, not {theirs:.8g}"
                )
    return ". The states at all evaluations are the same: the last step differs"


def _close(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-6 * max(abs(a), abs(b))


def _falling(values: list[float]) -> list[float]:
    found: list[float] = []
    for value in values:
        if not found or value < found[-1] * (1 - 1e-6):
            found.append(value)
    return found


def _lost(states: Sequence[Traced], rtol: float) -> str:
    for index, state in enumerate(states):
        if state.alpha > 0 and abs(state.mean / state.alpha - 1.0) > rtol:
            return (
                f"; the state of evaluation {index + 1} (noise ratio "
                f"{state.sigma / state.alpha:.4g}) is the first to have another mean, "
                f"{state.mean / state.alpha:.6g} of what it should be"
            )
    return "; the states at all evaluations have it: the last step loses it"


def _run(
    code: Code, steps: int, spectrum: Any, grid: Callable[[int], Any], options: dict[str, Any]
) -> ProbeResult:
    if isinstance(code, Runs):
        result = code.at(steps)
    else:
        levels = grid(steps)
        data = default_spectrum() if spectrum is None else spectrum

        def run(denoiser: Any, x: Any) -> Any:
            return code(denoiser, x, levels)

        chosen = {"init": "exact", "compare": False, "name": _name(code), **options}
        if chosen.get("library") is None:
            from .probe.backends import library_of

            chosen["library"] = library_of(code)
        result = probe_code(run, data, **chosen)
    if not result.is_exact:
        raise AssertionError(f"{result.name} is not affine: {result.reason}")
    return result


def _error(result: ProbeResult) -> float:
    """W2 to the data at the end, if that is above 0, or else at the last evaluation."""
    if result.output_noise > 0:
        return _distance(result, result.end, result.law.mean, result.law.variance)
    assert result.last is not None
    return result.last.w2


def _distance(result: ProbeResult, level: tuple[float, float], mean: Any, variance: Any) -> float:
    return float(np.sqrt(_contributions(result, level, mean, variance).sum()))


def _contributions(
    result: ProbeResult, level: tuple[float, float], mean: Any, variance: Any
) -> np.ndarray:
    spectrum = result.spectrum
    eigenvalues = np.asarray(spectrum.eigenvalues)
    centre = np.zeros_like(eigenvalues) if spectrum.mean is None else np.asarray(spectrum.mean)
    target = level[0] ** 2 * eigenvalues + level[1] ** 2
    terms = (np.asarray(mean) - level[0] * centre) ** 2
    terms = terms + (np.sqrt(np.asarray(variance)) - np.sqrt(target)) ** 2
    return np.asarray(spectrum.multiplicities) * terms


def _where(result: ProbeResult) -> str:
    last = result.last
    assert last is not None
    if result.output_noise > 0:
        level, mean, variance = result.end, result.law.mean, result.law.variance
    else:
        level, mean, variance = (last.alpha, last.sigma), last.mean, last.variance
    parts = _contributions(result, level, mean, variance)
    worst = int(parts.argmax())
    eigenvalue = float(np.asarray(result.spectrum.eigenvalues)[worst])
    target = math.sqrt(level[0] ** 2 * eigenvalue + level[1] ** 2)
    found = math.sqrt(float(np.asarray(variance)[worst]))
    return (
        f"Most of the error is at eigenvalue {eigenvalue:.3g}: standard deviation {found:.6g}, "
        f"not {target:.6g}"
    )


def _listed(steps: Sequence[int], values: Sequence[float]) -> str:
    pairs = zip(steps, values, strict=True)
    return ", ".join(f"{value:.3g} at {count}" for count, value in pairs) + " steps"


def _name(code: Code) -> str:
    return code.name if isinstance(code, Runs) else getattr(code, "__name__", type(code).__name__)


__all__ = [
    "EIGENVALUES",
    "assert_converges",
    "assert_mean_preserved",
    "assert_order",
    "assert_same_law",
    "assert_w2_below",
    "errors",
    "karras",
    "measured_order",
]
