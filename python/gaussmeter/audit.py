"""``gaussmeter.audit``: a conformance report of installed samplers.

Every scheduler of diffusers, with every option that changes what it computes, is run on the exact
network and asked: does it converge to the data, with which order, and as the publication's rule on
the same levels does; is the mean kept; is the network told the level the state is at; which level
is left at the end; how often is the network asked. All numbers are exact, so that nothing has to be
repeated or averaged.
"""

from __future__ import annotations

import copy
import importlib.metadata
import inspect
import itertools
import json
import logging
import math
import platform
import sys
import types
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

import numpy as np

from . import diffusers as adapter
from ._rules import rule_of
from ._spectrum import SpectrumLike, as_spectrum
from .probe import ProbeResult
from .probe._errors import error
from .probe.convention import to_numpy
from .testing import default_spectrum, measured_order

#: Numbers of steps at which errors are compared.
STEPS = (20, 40, 100)
#: The number of steps of everything else.
LENGTH = 20
#: What a stable diffusion model has, where a scheduler takes betas.
BETAS = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}


@dataclass
class Row:
    """What was found about one scheduler with one set of options.

    Attributes
    ----------
    scheduler
        Its class.
    options
        What was passed to its constructor, to ``step`` and to ``set_timesteps``.
    published
        The publication's rule by its name in this library, if there is one.
    errors
        W2 to the data at the last evaluation, for each of :data:`STEPS`, with the rule in double
        precision and a network that is told the solver's level.
    published_errors
        The same for the publication's rule on the same levels.
    order, published_order
        What the last two of them show.
    w2, published_w2
        Distance of the output to the data (CIFAR-10) at :data:`LENGTH` steps, as pipelines run it
        from data at the first level; and of the publication's rule on the same levels.
    schedule_w2
        That of the publication's rule on the publication's schedule, where the option names one.
    mean
        Largest relative error of the mean.
    mismatch
        Largest relative difference between the noise ratio of the state and that which the network
        is told, if it is told the solver's level.
    told
        The same if it is told the timestep.
    output_noise
        Level at which it ends.
    evaluations
        Evaluations of the network at :data:`LENGTH` steps.
    initial
        Standard deviation of the noise of the initial state, over that of the first level.
    findings
        What is not as it should be, one line each.
    failure
        Why it could not be run.
    """

    scheduler: str
    options: str
    published: str | None = None
    errors: list[float] = field(default_factory=list)
    published_errors: list[float] = field(default_factory=list)
    order: float = math.nan
    published_order: float = math.nan
    w2: float = math.nan
    published_w2: float = math.nan
    schedule_w2: float = math.nan
    mean: float = math.nan
    mismatch: float = math.nan
    told: float = math.nan
    output_noise: float = math.nan
    evaluations: int = 0
    initial: float = math.nan
    findings: list[str] = field(default_factory=list)
    failure: str | None = None


@dataclass
class Audit:
    """A conformance report.

    Attributes
    ----------
    target
        What was audited.
    rows
        One for each scheduler and set of options.
    skipped
        Schedulers that were not run, and why.
    versions
        Exact versions of everything that took part.
    """

    target: str
    rows: list[Row]
    skipped: dict[str, str]
    versions: dict[str, str]

    @property
    def findings(self) -> list[tuple[str, str, str]]:
        """Scheduler, options and finding, for all findings."""
        return [(row.scheduler, row.options, text) for row in self.rows for text in row.findings]

    def to_json(self) -> str:
        """The report as JSON; numbers that are not finite are null."""

        def plain(value: Any) -> Any:
            if isinstance(value, float):
                return value if math.isfinite(value) else None
            if isinstance(value, dict):
                return {name: plain(item) for name, item in value.items()}
            return [plain(item) for item in value] if isinstance(value, list) else value

        whole = {
            "target": self.target,
            "versions": self.versions,
            "steps": list(STEPS),
            "length": LENGTH,
            "rows": [asdict(row) for row in self.rows],
            "skipped": self.skipped,
        }
        return json.dumps(plain(whole), indent=1)

    def table(self) -> list[list[str]]:
        """The rows as text, with their titles first."""
        titles = [
            "scheduler", "options", "order", "published", "W2", "published", "mean", "level told",
            "last level", "NFE",
        ]  # fmt: skip
        lines = [titles]
        for row in self.rows:
            if row.failure is not None:
                lines.append([row.scheduler, row.options, "fails", *[""] * 7])
                continue
            lines.append(
                [
                    row.scheduler,
                    row.options,
                    _number(row.order, "{:.2f}"),
                    _number(row.published_order, "{:.2f}"),
                    _number(row.w2, "{:.4g}"),
                    _number(row.published_w2, "{:.4g}"),
                    _small(row.mean),
                    _small(row.told),
                    _small(row.output_noise),
                    str(row.evaluations),
                ]
            )
        return lines

    def __str__(self) -> str:
        lines = self.table()
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        text = [
            "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip()
            for line in lines
        ]
        text.insert(1, "  ".join("-" * w for w in widths))
        names = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        head = f"audit of {self.target} ({names})"
        found = [f"{s} [{o}]: {t}" if o else f"{s}: {t}" for s, o, t in self.findings]
        skipped = [f"{name}: {why}" for name, why in self.skipped.items()]
        return "\n".join(
            [head, "", *text, "", f"{len(found)} findings", *found]
            + (["", "not run", *skipped] if skipped else [])
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *rows = self.table()
        cells = "".join(f"<th>{escape(cell)}</th>" for cell in head)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
        )
        found = "".join(
            f"<li><b>{escape(s)}</b> {escape(o)}: {escape(t)}</li>" for s, o, t in self.findings
        )
        names = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return (
            f"<table><caption>audit of {escape(self.target)} ({escape(names)})</caption>"
            f"<thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table><ul>{found}</ul>"
        )


@dataclass(frozen=True)
class Case:
    """A scheduler class with options.

    Attributes
    ----------
    kind
        The class.
    config
        For its constructor.
    step, times
        For ``step`` and ``set_timesteps``.
    """

    kind: type
    config: Mapping[str, Any] = field(default_factory=dict)
    step: Mapping[str, Any] = field(default_factory=dict)
    times: Mapping[str, Any] = field(default_factory=dict)

    #: Whether it changes the rule, and not the schedule or what is predicted alone.
    is_rule: bool = True

    @property
    def options(self) -> str:
        """The options that are not part of every case."""
        shown = {**self.config, **self.step, **self.times}
        plain = [
            f"{name}={value}"
            for name, value in shown.items()
            if name not in BETAS and not (name in _OFF and value is False)
        ]
        return ", ".join(plain)


def audit(
    target: Any = "diffusers",
    *,
    spectrum: SpectrumLike = None,
    watch: Callable[[int, int, str], None] | None = None,
) -> Audit:
    """A conformance report of schedulers as they are installed.

    Parameters
    ----------
    target
        ``"diffusers"`` or its module: all schedulers, over the options that they have; a class:
        this one over its options; or an object: this one as it is.
    spectrum
        The data for W2, or what :meth:`gaussmeter.Spectrum.load` takes.
    watch
        Called with the number of rows done, of all rows, and the next one.

    Returns
    -------
    Audit

    Raises
    ------
    GaussmeterError
        If the target is none of these.

    Examples
    --------
    >>> import gaussmeter as gm  # doctest: +SKIP
    >>> report = gm.audit("diffusers")  # doctest: +SKIP
    >>> print(report)  # doctest: +SKIP
    >>> open("audit.json", "w").write(report.to_json())  # doctest: +SKIP
    """
    data = as_spectrum(spectrum)
    logging.getLogger("diffusers").setLevel(logging.ERROR)
    skipped: dict[str, str] = {}
    if isinstance(target, str) or isinstance(target, types.ModuleType):
        name = target if isinstance(target, str) else target.__name__
        if name.partition(".")[0] != "diffusers":
            raise error(
                f"{name} is not known to audit",
                "hand in diffusers, or a scheduler, its class or object",
            )
        kinds = _schedulers()
        cases = [case for kind in kinds for case in cases_of(kind)]
        skipped = {kind.__name__: adapter.NOT_PROBED[kind.__name__] for kind in kinds
                   if kind.__name__ in adapter.NOT_PROBED}  # fmt: skip
    elif isinstance(target, type):
        name, cases = target.__name__, list(cases_of(target))
        if not cases:
            raise error(f"{name} is not probed: {adapter.NOT_PROBED.get(name, 'unknown kind')}")
    else:
        name = type(target).__name__
        config = {k: v for k, v in target.config.items() if not k.startswith("_")}
        taken = inspect.signature(type(target).__init__).parameters
        cases = [Case(type(target), {k: v for k, v in config.items() if k in taken})]
    rows = []
    for index, case in enumerate(cases):
        if watch is not None:
            watch(index, len(cases), f"{case.kind.__name__} {case.options}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            row = _row(case, data)
        if row is not None:
            rows.append(row)
    _once(rows)
    return Audit(name, rows, skipped, _versions())


def _not_offered(problem: Exception) -> bool:
    """Whether a scheduler says that it has no such prediction."""
    text = str(problem).lower()
    return "prediction" in text or "parameterization" in text


def _row(case: Case, data: Any) -> Row | None:
    row = Row(case.kind.__name__, case.options)
    try:
        scheduler = _made(case)
        given: dict[str, Any] = {"step": case.step, "set_timesteps": case.times, "compare": False}
        result = adapter.probe(scheduler, LENGTH, data, init="exact", monte_carlo=False, **given)
    except Exception as problem:  # noqa: BLE001
        if "prediction_type" in case.config and _not_offered(problem):
            return None
        row.failure = f"{type(problem).__name__}: {problem}".splitlines()[0]
        row.findings.append(f"fails at {LENGTH} steps: {row.failure}")
        return row
    row.w2 = float(result.law.w2)
    row.evaluations = result.nfe
    row.output_noise = result.output_noise
    row.told = result.mismatch
    row.initial = _initial(case)
    few = default_spectrum()
    try:
        exact = adapter.probe(
            scheduler, LENGTH, few, init="exact", conditioning="solver", double=_is_quick(case),
            monte_carlo=False, **given,
        )  # fmt: skip
        row.mismatch = exact.mismatch
        row.output_noise = exact.output_noise
        signal = exact.end[0] if exact.output_noise > 0 else 1.0
        row.mean = float(np.abs(exact.mean_gain / signal - 1.0).max())
        row.published, row.published_w2 = _published(case, data, exact)
        row.schedule_w2 = _on_published_schedule(case, data, row.published)
        if case.is_rule:
            _orders(case, row, few, given)
    except Exception as problem:  # noqa: BLE001
        row.findings.append(f"fails in double precision: {type(problem).__name__}: {problem}")
    _judge(case, row, result)
    return row


def _orders(case: Case, row: Row, few: Any, given: Mapping[str, Any]) -> None:
    for steps in _steps_of(case):
        try:
            result = adapter.probe(
                _made(case), steps, few, init="exact", conditioning="solver",
                double=_is_quick(case), monte_carlo=False, **given,
            )  # fmt: skip
        except Exception as problem:  # noqa: BLE001
            text = f"{type(problem).__name__}: {problem}".splitlines()[0]
            row.findings.append(f"fails at {steps} steps: {text}")
            break
        assert result.last is not None
        row.errors.append(result.last.w2 / result.last.alpha)
        scheduler = _prepared(case, steps, double=True)
        rule = rule_of(scheduler, steps, case.step)
        nodes = _nodes(scheduler, result)
        if rule is None or len(nodes) < 3 or rule.published.startswith("tcd"):
            continue
        # The state at the last evaluation is the output of the levels down to its own.
        ratio = result.last.sigma / result.last.alpha
        until = [pair for pair in nodes if pair[1] >= ratio * pair[0] * (1 - 1e-6)]
        if abs(until[-1][1] / until[-1][0] / ratio - 1.0) > 1e-6:
            continue
        # The steps before the last one have the full order.
        found = _law(rule.published.replace("final=always", "final=no"), until, few)
        if found is not None:
            row.published_errors.append(_distance(*found))
    if len(row.errors) >= 2:
        row.order = measured_order(row.errors, _steps_of(case))
    if len(row.published_errors) == len(row.errors) >= 2:
        row.published_order = measured_order(row.published_errors, _steps_of(case))


def _is_quick(case: Case) -> bool:
    """Whether double precision is affordable: LMS integrates its weights by calls of torch."""
    return case.kind.__name__ != "LMSDiscreteScheduler"


def _steps_of(case: Case) -> tuple[int, ...]:
    if case.kind.__name__ in ("LCMScheduler", "TCDScheduler"):
        return (12, 24, 48)
    if case.kind.__name__ == "LMSDiscreteScheduler":
        # Its weights are integrated numerically, which takes a while.
        return (10, 20, 40)
    if case.kind.__name__ == "CMStochasticIterativeScheduler":
        return (10, 20, 38)
    return STEPS


def _law(
    sampler: str, nodes: Sequence[tuple[float, float]], data: Any
) -> tuple[Any, float, float] | None:
    """Our sampler's law from data at the first of some levels, and the level where it ends."""
    import gaussmeter as gm

    from .probe.nearest import Nodes, grid_of

    alpha, sigma = nodes[-1]
    if all(a > 0 for a, _ in nodes):
        ratios = np.array([s / a for a, s in nodes])
        top = max(80.0, float(ratios[0]) * (1 + 1e-12))
        on, alpha, sigma = Nodes(f"edm:sigma_max={top!r}", ratios, "", 1.0), 1.0, ratios[-1]
    elif all(abs(a + s - 1) < 1e-6 for a, s in nodes):
        on = Nodes("flow", [s for _, s in nodes], "", 1.0)
    else:
        on = Nodes("trig", [math.atan2(s, a) for a, s in nodes], "", 1.0)
    with grid_of(on) as grid:
        try:
            law = gm.output_law(data, sampler=sampler, process=on.process, grid=grid, init="exact")
        except ValueError:
            return None
    return law, float(alpha), float(sigma)


def _distance(law: Any, alpha: float, sigma: float) -> float:
    """W2 to the data at a level, over its signal."""
    mean = np.asarray(law.mean) - np.asarray(law.mean_error)
    target = alpha**2 * np.asarray(law.eigenvalues) + sigma**2
    terms = (np.asarray(law.mean) - alpha * mean) ** 2
    terms = terms + (np.sqrt(np.asarray(law.variance)) - np.sqrt(target)) ** 2
    return float(np.sqrt((np.asarray(law.multiplicities) * terms).sum())) / alpha


def _made(case: Case) -> Any:
    """The scheduler of a case; making some of them takes half a second."""
    key = (case.kind, repr(sorted(case.config.items())))
    if key not in _MADE:
        _MADE.clear()
        _MADE[key] = case.kind(**case.config)
    return copy.deepcopy(_MADE[key])


_MADE: dict[Any, Any] = {}


def _prepared(case: Case, steps: int, double: bool = False) -> Any:
    scheduler = _made(case)
    with adapter.precision(double, sys.modules[case.kind.__module__]):
        if double:
            scheduler = adapter.rebuilt(scheduler)
        adapter.prepare(scheduler, steps, case.times)
    return scheduler


def _nodes(scheduler: Any, result: ProbeResult) -> list[tuple[float, float]]:
    """Levels of the scheduler without repetitions: its own, or those that the network was told."""
    known = adapter.nodes_of(scheduler)
    if known is None:
        known = [(one.alpha, one.sigma) for one in result.asked]
        known.append((result.end[0], result.output_noise))
    nodes: list[tuple[float, float]] = []
    for alpha, sigma in known:
        if not nodes or sigma * nodes[-1][0] < nodes[-1][1] * alpha * (1 - 1e-9):
            nodes.append((0.0 if alpha < 1e-9 * sigma else alpha, sigma))
    return nodes


def _published(case: Case, data: Any, result: ProbeResult) -> tuple[str | None, float]:
    """The publication's rule, and the W2 of its output on the levels of the scheduler."""
    scheduler = _prepared(case, LENGTH)
    rule = rule_of(scheduler, LENGTH, case.step)
    if rule is None or rule.published.startswith("tcd"):
        # TCD steps by training timesteps, which noise ratios do not say.
        return None, math.nan
    nodes = _nodes(scheduler, result)
    found = _law(rule.published, nodes, data) if len(nodes) > 1 else None
    if found is None:
        return rule.published, math.nan
    law, alpha, _ = found
    # As the scheduler leaves it: its output keeps the scale of its last level.
    return rule.published, float(law.w2) if alpha in (0.0, 1.0) else math.nan


#: Schedules that options name, by their names in this library.
_SCHEDULES = {
    "use_karras_sigmas": "karras",
    "use_exponential_sigmas": "exponential",
    "use_beta_sigmas": "beta",
}


def _on_published_schedule(case: Case, data: Any, published: str | None) -> float:
    import gaussmeter as gm

    named = [grid for option, grid in _SCHEDULES.items() if case.config.get(option)]
    if not named or published is None or "beta_schedule" not in case.config:
        return math.nan
    process = "vp-discrete:schedule={},beta_start={},beta_end={}".format(*BETAS.values())
    if case.kind.__name__.startswith(("DEIS", "SASolver")):
        # Their last level is listed twice, so that they have a step less.
        return math.nan
    keeps = case.config.get("final_sigmas_type") == "sigma_min"
    grid = f"{named[0]}:final=sigma_min" if keeps else named[0]
    try:
        law = gm.output_law(
            data, sampler=published, process=process, grid=grid, steps=LENGTH, init="exact"
        )
    except ValueError:
        return math.nan
    return float(law.w2)


def _initial(case: Case) -> float:
    """Noise of the initial state over that of the first level."""
    scheduler = _prepared(case, LENGTH)
    sigmas = getattr(scheduler, "sigmas", None)
    std = getattr(scheduler, "init_noise_sigma", None)
    if sigmas is None or std is None:
        return math.nan
    first = float(np.asarray(to_numpy(sigmas))[0])
    std = float(std)
    return std / first if std > 1.0 else math.nan


#: How findings begin that hold for a schedule, whatever the solver.
_WHOLE, _LISTED, _TWICE = "whole timesteps:", "timesteps:", "the last level"


def _once(rows: Sequence[Row]) -> None:
    """Findings about a schedule are said at its first row."""
    seen: set[tuple[str, str, str]] = set()
    for row in rows:
        flags = [o for o in row.options.split(", ") if o.startswith(("use_", "timestep", "final"))]
        kept = []
        for text in row.findings:
            start = next((s for s in (_WHOLE, _LISTED, _TWICE) if text.startswith(s)), None)
            key = (row.scheduler, ", ".join(flags), start or text)
            if start is None or key not in seen:
                kept.append(text)
            seen.add(key)
        row.findings = kept


def _stays(case: Case, last: float) -> bool:
    """Whether an error that has not fallen does not fall with twice the steps either."""
    if case.kind.__name__ in ("LCMScheduler", "TCDScheduler"):
        return True
    result = adapter.probe(
        _made(case), 2 * STEPS[-1], default_spectrum(), init="exact", conditioning="solver",
        monte_carlo=False, step=case.step, set_timesteps=case.times, compare=False,
    )  # fmt: skip
    assert result.last is not None
    return result.last.w2 / result.last.alpha > 0.7 * last


def _judge(case: Case, row: Row, result: ProbeResult) -> None:
    say = row.findings.append
    given = _steps_of(case)
    if len(row.errors) >= 2:
        first, last = row.errors[0], row.errors[-1]
        listed = ", ".join(f"{e:.3g} at {n}" for e, n in zip(row.errors, given, strict=False))
        if last > 0.7 * first and last > 1e-3 and _stays(case, last):
            say(f"does not converge to the data: errors {listed} steps")
        elif row.published_errors and len(row.published_errors) == len(row.errors):
            theirs = row.published_errors[-1]
            if row.order < row.published_order - 0.4 and last > 1.5 * theirs:
                say(
                    f"order {row.order:.2f}, where {row.published} has {row.published_order:.2f} "
                    f"on the same levels: errors {listed} steps"
                )
            elif last > 1.3 * theirs + 1e-9 or last < theirs / 1.3 - 1e-9:
                say(
                    f"another rule than {row.published}: error {last:.3g}, not {theirs:.3g}, at "
                    f"{given[len(row.errors) - 1]} steps"
                )
    if row.mean > 1e-3:
        say(f"loses the mean: {100 * row.mean:.3g} % at {LENGTH} steps")
    # Rules that are not exact without variance are off there too, and so is the publication's.
    differs = not abs(row.w2 / row.published_w2 - 1.0) < 0.03
    if row.published is None and row.order > 0.5:
        differs = False
    if row.mismatch > 1e-3 and differs:
        off = f"the noise ratio is off by {100 * row.mismatch:.3g} % at {LENGTH} steps"
        if row.mismatch > 100:
            off = "the state has lost its signal or its noise"
        say(f"state and network are at different levels: {off}")
    if row.told > 1e-3 and not row.mismatch > 1e-3:
        say(f"{_WHOLE} the noise ratio that the network is told is off by {100 * row.told:.2g} %")
    if math.isfinite(row.published_w2) and abs(row.w2 / row.published_w2 - 1.0) > 0.03:
        say(
            f"W2 = {row.w2:.4g}, where {row.published} has {row.published_w2:.4g} on the same "
            "levels"
        )
    if math.isfinite(row.schedule_w2) and row.published_w2 > 1.1 * row.schedule_w2:
        say(
            f"the schedule is not the publication's: W2 of {row.published} is "
            f"{row.published_w2:.4g} on it, and {row.schedule_w2:.4g} on that"
        )
    if row.initial > 1.001:
        say(f"starts with {100 * (row.initial - 1):.2g} % more noise than its first level has")
    scheduler = _prepared(case, LENGTH)
    sigmas = getattr(scheduler, "sigmas", None)
    if sigmas is not None:
        values = np.asarray(to_numpy(sigmas), dtype=float)
        if values.size > 2 and values[-1] == values[-2] and values[-1] > 0:
            say(f"{_TWICE}, {values[-1]:.4g}, is listed twice: the last evaluation changes nothing")
    times = _times(case)
    if times:
        say(times)


def _times(case: Case) -> str | None:
    """Numbers of steps at which the list of timesteps is not what it should be."""
    wrong: list[str] = []
    scheduler = _made(case)
    if "num_train_timesteps" not in case.config and not hasattr(scheduler, "alphas_cumprod"):
        return None
    plain = np.asarray(to_numpy(_prepared(case, LENGTH).timesteps), dtype=float).size
    if plain % LENGTH not in (0, 1):
        return None
    for steps in (10, 33, 50, 61, 103):
        try:
            values = np.asarray(to_numpy(_prepared(case, steps).timesteps), dtype=float)
        except Exception as problem:  # noqa: BLE001
            wrong.append(f"{steps} steps fail ({type(problem).__name__})")
            continue
        if values.min() < 0:
            wrong.append(f"{steps} steps end at timestep {values.min():g}")
        elif plain == LENGTH and values.size != steps:
            wrong.append(f"{steps} steps have {values.size} timesteps")
        elif (np.diff(values) == 0).any() and plain == LENGTH:
            wrong.append(f"{steps} steps list a timestep twice")
    return f"{_LISTED} " + ", ".join(wrong) if wrong else None


_OFF = ("clip_sample", "thresholding", "clip_denoised")


def cases_of(kind: type) -> Iterator[Case]:
    """A scheduler class over the options that change what it computes.

    Clipping and thresholding are off: they are no part of a rule, and not affine.
    """
    name = kind.__name__
    if name in adapter.NOT_PROBED:
        return
    taken = inspect.signature(kind.__init__).parameters  # type: ignore[misc]
    base: dict[str, Any] = {option: False for option in _OFF if option in taken}
    if "beta_schedule" in taken and name != "UnCLIPScheduler":
        base.update(BETAS)
    if name == "CogVideoXDDIMScheduler" or name == "CogVideoXDPMScheduler":
        base = {"clip_sample": False}
    smooth = {"use_karras_sigmas": True} if "use_karras_sigmas" in taken else {}
    seen: list[Any] = []

    def case(step: Any = None, times: Any = None, **config: Any) -> Iterator[Case]:
        schedule = any(option in _SCHEDULE_ONLY for option in config)
        is_rule = bool(step) or not config or not schedule or "solver_order" in config
        made = Case(kind, {**base, **config}, step or {}, times or {}, is_rule)
        plain = {k: v for k, v in made.config.items() if v != taken[k].default}
        if (plain, made.step, made.times) not in seen:
            seen.append((plain, made.step, made.times))
            yield made

    if "skip_prk_steps" in taken:
        base["skip_prk_steps"] = True
    yield from case()
    if "skip_prk_steps" in taken:
        yield from case(skip_prk_steps=False)
    if "timestep_spacing" in taken:
        for spacing in ("linspace", "leading", "trailing"):
            yield from case(timestep_spacing=spacing)
    for option in (
        "use_karras_sigmas",
        "use_exponential_sigmas",
        "use_beta_sigmas",
        "use_lu_lambdas",
    ):
        if option in taken:
            yield from case(**{option: True})
    if "use_flow_sigmas" in taken:
        yield from case(use_flow_sigmas=True, prediction_type="flow_prediction", flow_shift=3.0)
    yield from _solvers(name, taken, smooth, case)
    step = inspect.signature(getattr(kind, "step", lambda: None)).parameters
    if "eta" in step:
        default = step["eta"].default
        for eta in (0.0, 0.3, 0.5, 1.0):
            if eta != default:
                yield from case(step={"eta": eta})
    if "s_churn" in step:
        yield from case(step={"s_churn": 10.0}, **smooth)
    if name == "LMSDiscreteScheduler":
        for order in (2, 3):
            yield from case(step={"order": order}, **smooth)
    for option, values in _VARIED.items():
        if option in taken and not (option == "variance_type" and "DDPM" not in name):
            for value in values:
                yield from case(**{option: value}, **_NEEDED.get((option, value), {}))


def _solvers(
    name: str, taken: Mapping[str, Any], smooth: dict[str, Any], case: Callable[..., Iterator[Case]]
) -> Iterator[Case]:
    """Orders and types of solvers, on levels that are smooth."""
    if name == "SASolverScheduler":
        for predictor, corrector in ((1, 1), (2, 2), (3, 3), (3, 4)):
            yield from case(predictor_order=predictor, corrector_order=corrector, **smooth)
        return
    if "solver_order" not in taken:
        return
    algorithms: Sequence[str | None] = (None,)
    if "algorithm_type" in taken and name.startswith(("DPM", "EDM")):
        algorithms = ("dpmsolver++", "sde-dpmsolver++", "dpmsolver", "sde-dpmsolver")
        if name.startswith("EDM"):
            algorithms = algorithms[:2]
        elif "Singlestep" in name:
            algorithms = algorithms[:3]
    types_of = {"UniPCMultistepScheduler": ("bh1", "bh2"), "DEISMultistepScheduler": ("logrho",)}
    kinds = types_of.get(name, ("midpoint", "heun"))
    orders: Sequence[int] = (1, 2) if name.startswith("Cosine") else (1, 2, 3)
    for algorithm, order, kind in itertools.product(algorithms, orders, kinds):
        if order == 1 and kind != kinds[0]:
            continue
        config: dict[str, Any] = {"solver_order": order, "solver_type": kind, **smooth}
        if algorithm is not None:
            config["algorithm_type"] = algorithm
            if not algorithm.endswith("++"):
                config["final_sigmas_type"] = "sigma_min"
        if kind == "bh1":
            config["final_sigmas_type"] = "sigma_min"
        yield from case(**config)


#: Options that leave the rule as it is.
_SCHEDULE_ONLY = (
    "use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas", "use_flow_sigmas",
    "prediction_type", "set_alpha_to_one", "shift", "sigma_schedule", "rescale_betas_zero_snr",
    "final_sigmas_type", "interpolation_type",
)  # fmt: skip
_VARIED: dict[str, Sequence[Any]] = {
    "prediction_type": ("v_prediction", "sample"),
    "set_alpha_to_one": (False,),
    "rescale_betas_zero_snr": (True,),
    "variance_type": ("fixed_large",),
    "final_sigmas_type": ("sigma_min",),
    "euler_at_final": (True,),
    "lower_order_final": (False,),
    "predict_x0": (False,),
    "interpolation_type": ("log_linear",),
    "stochastic_sampling": (True,),
    "shift": (3.0,),
    "sigma_schedule": ("exponential",),
    "eta": (0.0, 0.5),
}
_NEEDED: dict[tuple[str, Any], dict[str, Any]] = {
    ("rescale_betas_zero_snr", True): {
        "prediction_type": "v_prediction",
        "timestep_spacing": "trailing",
    },
    ("predict_x0", False): {"final_sigmas_type": "sigma_min"},
}


def _schedulers() -> list[type]:
    """All classes of schedulers of diffusers, by name."""
    import importlib
    import pkgutil

    schedulers = importlib.import_module("diffusers.schedulers")
    mixin = importlib.import_module("diffusers.schedulers.scheduling_utils").SchedulerMixin
    found: dict[str, type] = {}
    for module in pkgutil.iter_modules(schedulers.__path__):
        if not module.name.startswith("scheduling_") or "flax" in module.name:
            continue
        try:
            loaded = importlib.import_module(f"diffusers.schedulers.{module.name}")
        except ImportError:
            continue
        for value in vars(loaded).values():
            if isinstance(value, type) and issubclass(value, mixin) and value is not mixin:
                if value.__module__ == loaded.__name__:
                    found[value.__name__] = value
    return [found[name] for name in sorted(found)]


def _versions() -> dict[str, str]:
    import gaussmeter as gm

    found = {"gaussmeter": getattr(gm, "__version__", "unknown")}
    for name in ("diffusers", "torch", "numpy", "scipy", "torchsde"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    found["python"] = platform.python_version()
    return found


def _number(value: float, form: str) -> str:
    return "" if math.isnan(value) else form.format(value)


def _small(value: float) -> str:
    if math.isnan(value):
        return ""
    return "0" if value < 1e-9 else f"{value:.1e}"


__all__ = ["Audit", "Case", "Row", "audit", "cases_of"]
