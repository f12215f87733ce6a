"""Times that are set on a scheduler of diffusers, and what comes of them."""

from __future__ import annotations

import inspect
import math
import warnings
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from ._rules import rule_of
from ._spectrum import SpectrumLike, as_spectrum
from .probe import ProbeResult
from .probe._errors import error
from .probe.convention import to_numpy

#: Options that replace times that are handed in by others.
_FLAGS = (
    "use_karras_sigmas",
    "use_exponential_sigmas",
    "use_beta_sigmas",
    "use_lu_lambdas",
)


@dataclass
class Applied:
    """What was set on a scheduler, and the error that it really attains.

    Attributes
    ----------
    scheduler
        The scheduler, with its times set.
    arguments
        What was handed to its ``set_timesteps``, and what a pipeline has to be called with, because
        it sets times anew.
    switched_off
        Options of the scheduler that would have changed the times, and are off now.
    asked, found
        Noise ratios sigma/alpha that were asked for, and those that the scheduler has, without
        what it appends at the end.
    w2
        The distance to the data that the scheduler attains with them, measured by running it.
    promised
        That of the same rule on the levels asked for, without any rounding.
    probe
        The measurement.
    """

    scheduler: Any
    arguments: dict[str, list[float] | list[int]]
    switched_off: list[str]
    asked: np.ndarray
    found: np.ndarray
    w2: float
    promised: float
    probe: ProbeResult
    notes: list[str] = field(default_factory=list)

    @property
    def moved(self) -> float:
        """Largest relative change of a level."""
        finite = np.isfinite(self.asked) & np.isfinite(self.found)
        return float(np.abs(self.found[finite] / self.asked[finite] - 1.0).max(initial=0.0))

    def lines(self) -> list[tuple[str, str]]:
        """What there is to say, as pairs of a title and a text."""
        lines = [("W2 attained", f"{self.w2:.6g}")]
        if not math.isnan(self.promised):
            lines.append(("W2 of these levels", f"{self.promised:.6g}, without rounding"))
        lines.append(("levels", f"{self.asked.size}, moved by up to {self.moved:.2g}"))
        if self.switched_off:
            lines.append(("switched off", ", ".join(self.switched_off)))
        name = next(iter(self.arguments))
        lines.append(("call pipelines with", f"{name}=applied.arguments[{name!r}]"))
        return lines + [("note", note) for note in self.notes]

    def __str__(self) -> str:
        width = max(len(title) for title, _ in self.lines())
        rows = [f"  {title.ljust(width)}  {text}" for title, text in self.lines()]
        return "\n".join([f"times on {type(self.scheduler).__name__}", *rows])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(title)}</th>"
            f"<td style='text-align:left'>{escape(text)}</td></tr>"
            for title, text in self.lines()
        )
        title = escape(f"times on {type(self.scheduler).__name__}")
        return f"<table><caption>{title}</caption>{rows}</table>"


def apply(schedule: Any, scheduler: Any, spectrum: SpectrumLike = None, **options: Any) -> Applied:
    """Set noise levels on a scheduler of diffusers, and measure what it attains with them.

    The levels become ``sigmas`` or ``timesteps``, whichever the scheduler takes. Options that would
    replace them (Karras' and other sigmas) are switched off on the scheduler; a shift that it
    applies to what it is handed is undone beforehand. What cannot be set is refused. The error is
    then measured by running the scheduler as pipelines do, after all its rounding.

    Parameters
    ----------
    schedule
        Noise ratios sigma/alpha (the sigma of EDM), the noisiest first, with or without a 0 at the
        end; or a result with levels, such as that of ``gaussmeter.tune``.
    scheduler
        The scheduler object; it is changed.
    spectrum
        The data, or what :meth:`gaussmeter.Spectrum.load` takes.
    options
        Those of :func:`gaussmeter.diffusers.probe`.

    Returns
    -------
    Applied

    Raises
    ------
    GaussmeterError
        If the scheduler takes neither sigmas nor timesteps, if it shifts them in a way that depends
        on the picture, or if two levels become the same timestep.

    Examples
    --------
    >>> import diffusers, gaussmeter as gm  # doctest: +SKIP
    >>> scheduler = diffusers.EulerDiscreteScheduler()  # doctest: +SKIP
    >>> applied = gm.diffusers.apply([14.6, 5.1, 1.9, 0.7, 0.2, 0.0], scheduler)  # doctest: +SKIP
    >>> images = pipeline(prompt, sigmas=applied.arguments["sigmas"])  # doctest: +SKIP
    """
    from . import diffusers as adapter

    ratios = ratios_of(schedule)
    kind = type(scheduler).__name__
    taken = inspect.signature(scheduler.set_timesteps).parameters
    notes: list[str] = []
    off = [flag for flag in _FLAGS if scheduler.config.get(flag)]
    is_flow = kind.startswith(("FlowMatch", "FlowMap", "LTXEuler", "MiniMaxH3"))
    if scheduler.config.get("use_dynamic_shifting"):
        raise error(
            f"{kind} shifts times by the size of the picture (use_dynamic_shifting)",
            "make it with use_dynamic_shifting=False",
        )
    arguments: dict[str, Any]
    if is_flow and "sigmas" in taken:
        arguments = _straight(ratios, scheduler, kind, notes)
    elif kind == "EulerDiscreteScheduler":
        arguments = {"sigmas": [*map(float, ratios), 0.0]}
        if scheduler.config.get("timestep_type") == "continuous":
            raise error(
                f"{kind} with timestep_type='continuous' takes no sigmas",
                "make it with timestep_type='discrete'",
            )
    elif kind == "EDMEulerScheduler":
        arguments = {"sigmas": _ramp(ratios, scheduler)}
    elif kind == "UniPCMultistepScheduler" and scheduler.config.get("use_flow_sigmas"):
        shift = float(scheduler.config.get("flow_shift", 1.0))
        arguments = {"sigmas": [_unshifted(u, shift) for u in ratios / (1.0 + ratios)]}
    elif "timesteps" in taken and hasattr(scheduler, "alphas_cumprod"):
        arguments = {"timesteps": _timesteps(ratios, scheduler, kind)}
    else:
        raise error(
            f"{kind} takes neither sigmas nor timesteps",
            "EulerDiscreteScheduler, HeunDiscreteScheduler, DPMSolverMultistepScheduler and "
            "DPMSolverSinglestepScheduler do",
        )
    if off:
        scheduler.register_to_config(**{flag: False for flag in off})
    given: Any = arguments
    if kind == "EDMEulerScheduler":
        import torch

        given = {"sigmas": torch.tensor(arguments["sigmas"], dtype=torch.float64)}
        given["num_inference_steps"] = ratios.size
    if kind == "UniPCMultistepScheduler":
        # It multiplies what it is handed, which lists do not allow.
        given = {"sigmas": np.array(arguments["sigmas"])}
        notes.append("it takes sigmas as an array, not as a list")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler.set_timesteps(**given)
    result = adapter.probe(scheduler, None, as_spectrum(spectrum), **{"compare": False, **options})
    if result.start is not None and isinstance(options.get("init", "normal"), str):
        more = 1.0 / abs(result.start[1]) if options.get("init") != "exact" else 1.0
        if more > 1.05:
            notes.append(
                f"the initial state has {more:.3g} times the noise of the first level "
                f"(init_noise_sigma is {float(getattr(scheduler, 'init_noise_sigma', 1.0)):.4g})"
            )
    found = _found(scheduler, result, adapter.nodes_of(scheduler), ratios.size)
    w2 = float(result.law.w2)
    return Applied(
        scheduler,
        arguments,
        off,
        ratios,
        found,
        w2,
        _promised(ratios, result, scheduler),
        result,
        notes,
    )


def ratios_of(schedule: Any) -> np.ndarray:
    """Noise ratios above 0 of a list, or of a result that has levels."""
    levels = getattr(schedule, "sigmas", getattr(schedule, "levels", schedule))
    if hasattr(levels, "sigma") and hasattr(levels, "alpha"):
        alpha = np.asarray(levels.alpha, dtype=np.float64)
        with np.errstate(divide="ignore"):
            levels = np.asarray(levels.sigma, dtype=np.float64) / alpha
    values = np.asarray(to_numpy(levels), dtype=np.float64).ravel()
    values = values[:-1] if values.size and values[-1] == 0.0 else values
    if (
        values.size < 1
        or np.isnan(values).any()
        or (values <= 0).any()
        or (np.diff(values) >= 0).any()
    ):
        raise error(
            "the schedule is no falling list of noise ratios above 0",
            "hand in sigma/alpha at each step, the noisiest first, and perhaps a 0 at the end",
        )
    return values


def _straight(ratios: np.ndarray, scheduler: Any, kind: str, notes: list[str]) -> dict[str, Any]:
    """U of flow matching, before the shift that the scheduler applies."""
    with np.errstate(invalid="ignore"):
        straight = np.where(np.isinf(ratios), 1.0, ratios / (1.0 + ratios))
    config = scheduler.config
    if config.get("shift_terminal"):
        raise error(
            f"{kind} stretches times to shift_terminal={config.shift_terminal}",
            "make it with shift_terminal=None",
        )
    if config.get("invert_sigmas"):
        raise error(f"{kind} inverts times (invert_sigmas)", "make it with invert_sigmas=False")
    if kind == "MiniMaxH3Scheduler":
        return {"sigmas": [*map(float, straight), 0.0]}
    shift = float(getattr(scheduler, "shift", None) or config.get("shift", 1.0))
    if kind == "LTXEulerAncestralRFScheduler":
        return {"sigmas": [*map(float, straight), 0.0]}
    if shift != 1.0:
        notes.append(f"its shift of {shift:g} is undone beforehand, and applied by the scheduler")
    return {"sigmas": [_unshifted(float(u), shift) for u in straight]}


def _unshifted(u: float, shift: float) -> float:
    return float(u / (shift - (shift - 1.0) * u))


def _ramp(ratios: np.ndarray, scheduler: Any) -> list[float]:
    """EDMEulerScheduler takes positions in [0, 1] of its own schedule under the name of sigmas."""
    low, high = float(scheduler.config.sigma_min), float(scheduler.config.sigma_max)
    if scheduler.config.sigma_schedule != "karras":
        raise error(
            "EDMEulerScheduler takes no sigmas with sigma_schedule='exponential'",
            "make it with sigma_schedule='karras'",
        )
    rho = float(scheduler.config.rho)
    first, last = high ** (1 / rho), low ** (1 / rho)
    return [float(r) for r in (ratios ** (1 / rho) - first) / (last - first)]


def _timesteps(ratios: np.ndarray, scheduler: Any, kind: str) -> list[Any]:
    """Timesteps with these noise ratios: fractions where the scheduler keeps them."""
    products = np.asarray(to_numpy(scheduler.alphas_cumprod), dtype=np.float64)
    with np.errstate(divide="ignore"):
        table = np.sqrt((1.0 - products) / products)
    if ratios[0] > table[-1] * (1 + 1e-6) or ratios[-1] < table[0] * (1 - 1e-6):
        raise error(
            f"levels from {ratios[0]:.4g} to {ratios[-1]:.4g} leave those of {kind}, "
            f"{table[-1]:.4g} to {table[0]:.4g}",
            "tune them within this range",
        )
    times = np.interp(ratios, table, np.arange(table.size))
    if kind == "HeunDiscreteScheduler":
        return [float(time) for time in times]
    whole = np.rint(times).astype(int)
    if (np.diff(whole) == 0).any():
        raise error(
            f"two of the levels are the same timestep of {kind}",
            "take fewer steps, or a scheduler that keeps fractions (EulerDiscreteScheduler)",
        )
    return [int(time) for time in whole]


def _found(
    scheduler: Any, result: ProbeResult, nodes: list[tuple[float, float]] | None, count: int
) -> np.ndarray:
    pairs = nodes if nodes is not None else [(one.alpha, one.sigma) for one in result.asked]
    with np.errstate(divide="ignore"):
        ratios = np.array([np.divide(s, a) for a, s in pairs])
    kept = ratios[np.concatenate([[True], ratios[1:] < ratios[:-1] * (1 - 1e-9)])]
    return kept[:count]


def _promised(ratios: np.ndarray, result: ProbeResult, scheduler: Any) -> float:
    import gaussmeter as gm

    rule = rule_of(scheduler, ratios.size)
    if rule is None or result.start is None or not np.isfinite(ratios).all():
        return math.nan
    ends = float(result.output_noise) if result.output_noise > 0 else 0.0
    if ends > 0:
        return math.nan
    std = 1.0 / float(result.start[0]) if result.start[0] > 0 else math.nan
    try:
        law = gm.output_law(
            result.spectrum, sampler=rule.as_written,
            process=f"edm:sigma_max={max(80.0, float(ratios[0]) * (1 + 1e-12))!r}",
            grid=np.append(ratios, 0.0), init=f"normal:std={std!r}",
        )  # fmt: skip
    except ValueError:
        return math.nan
    return float(law.w2)


__all__ = ["Applied", "apply", "ratios_of"]
