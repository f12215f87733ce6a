"""Questions that the library answers: one function each, as on the command line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TypeVar

from . import _native
from ._arrays import ArrayLike, as_numpy, floats
from ._denoiser import Predicts, Takes, check_takes, flat_denoiser
from ._errors import GaussmeterError, Interrupted
from ._law import Law
from ._laws import DataLaw
from ._progress import progress_bar
from ._results import (
    Curve,
    Evaluation,
    Export,
    FullReport,
    Info,
    ModeErrors,
    Pareto,
    Plane,
    Program,
    Ranking,
    Recommendation,
    Schedules,
    StepErrors,
    Table,
    Tuning,
    Verification,
)
from ._spectrum import Spectrum, SpectrumLike, as_spectrum, native_data

#: The name of a rule that places times, with its options, or noise levels σ/α, noisiest first.
GridLike = Any
#: A whole number.
Count = int
#: Whole numbers: one, or several.
Counts = int | Iterable[int]
#: A name with its options, or several of them.
Names = str | Sequence[str]

Found = TypeVar("Found")


def _ask(
    make: Callable[..., Any],
    wrap: Callable[[Any], Found],
    progress: bool | None,
    *arguments: Any,
    **options: Any,
) -> Found:
    """Ask the native module, with progress; what is found after an interrupt is wrapped too."""
    try:
        with progress_bar(progress) as bar:
            return wrap(make(*arguments, **options, progress=bar))
    except Interrupted as interrupted:
        interrupted._wrap = wrap
        raise


def evaluate(
    spectrum: SpectrumLike = None,
    sampler: str | None = None,
    process: str | None = None,
    grid: GridLike = None,
    *,
    nfe: Count | None = None,
    steps: Count | None = None,
    points: Count | None = None,
    eps: float | None = None,
    init: str | None = None,
    network: str | None = None,
    modes: bool = False,
    progress: bool | None = None,
) -> Evaluation:
    """Everything about one configuration: W2 and its parts, KL both ways, the error budget.

    What is left out, here and in all other functions, has the default of the command line
    (``gaussmeter eval``).

    Parameters
    ----------
    spectrum : Spectrum, str, path or array_like
        The data: a spectrum, the name of a preset, a file, or eigenvalues.
    sampler : str
        A sampler with its options: ``"heun"``, ``"dpmpp-2m-sde:eta=0.5"``, or
        ``gm.samplers.edm(s_churn=40)``.
    process : str, optional
        The forward process, such as ``"edm"`` or ``"vp-linear"``.
    grid : str or array_like, optional
        Where the times go, such as ``"karras:rho=5"``; or noise levels σ/α, noisiest first.
    nfe, steps, points : int, optional
        How long the sampler runs: a budget of network evaluations, a number of steps, or of grid
        points. Only one of them.
    eps : float, optional
        Time where sampling stops.
    init : str, optional
        The initial law: ``"exact"``, ``"normal"``, ``"normal:std=80"``.
    network : str, optional
        What the sampler calls: ``"exact"``, ``"gain:delta=0.01"``, …
    modes : bool
        Whether tables and documents have the law per eigenvalue too; CSV then has only that.
    progress : bool, optional
        Whether a bar of tqdm shows progress. By default it does on terminals and in notebooks.

    Returns
    -------
    Evaluation

    Raises
    ------
    GaussmeterError
        Unknown names, values out of range, or a configuration that cannot run.
    Interrupted
        Work was interrupted; a ``KeyboardInterrupt`` whose ``result`` is what was found.

    Examples
    --------
    >>> import gaussmeter as gm
    >>> result = gm.evaluate("cifar10", "heun", nfe=50, eps=1e-3)
    >>> round(result.w2, 4), result.steps
    (1.8745, 25)
    """
    words = {
        "sampler": sampler,
        "process": process,
        "grid": grid,
        "nfe": nfe,
        "steps": steps,
        "points": points,
        "eps": eps,
        "init": init,
        "network": network,
    }
    return _ask(_native.evaluate, Evaluation, progress, native_data(spectrum), words, modes)


def output_law(
    spectrum: SpectrumLike = None,
    sampler: str | None = None,
    process: str | None = None,
    grid: GridLike = None,
    *,
    nfe: Count | None = None,
    steps: Count | None = None,
    points: Count | None = None,
    eps: float | None = None,
    init: str | None = None,
    network: str | None = None,
) -> Law:
    """The law of the output of one configuration, without anything else.

    Parameters
    ----------
    spectrum, sampler, process, grid, nfe, steps, points, eps, init, network
        As for :func:`evaluate`.

    Returns
    -------
    Law

    Raises
    ------
    GaussmeterError
        As for :func:`evaluate`.

    Examples
    --------
    >>> import gaussmeter as gm
    >>> law = gm.output_law([1.0, 0.01], "ddim", "edm", [80.0, 1.0, 0.1, 0.0])
    >>> law.variance.shape
    (2,)
    """
    words = {
        "sampler": sampler,
        "process": process,
        "grid": grid,
        "nfe": nfe,
        "steps": steps,
        "points": points,
        "eps": eps,
        "init": init,
        "network": network,
    }
    return Law._of(_native.output_law(native_data(spectrum), words))


def table(
    spectrum: SpectrumLike = None,
    sampler: Names | None = None,
    process: str | None = None,
    grid: GridLike = None,
    *,
    nfe: Counts | None = None,
    steps: Counts | None = None,
    points: Counts | None = None,
    eps: float | Sequence[float] | None = None,
    init: Names | None = None,
    network: str | None = None,
    metric: str | None = None,
    paper: bool = False,
    show_nfe: bool = False,
    progress: bool | None = None,
) -> Table:
    """The ablation table: samplers × truncation times × lengths × initial laws.

    Parameters
    ----------
    spectrum, process, grid, network, progress
        As for :func:`evaluate`.
    sampler : str or list of str, optional
        Samplers; by default those of the published table.
    nfe, steps, points : int or list of int, optional
        One column per number. Only one of them.
    eps : float or list of float, optional
        Truncation times.
    init : str or list of str, optional
        Initial laws.
    metric : str, optional
        What is measured: ``"w2"``, ``"kl-forward"``, ``"kl-reverse"``, ``"trace"``.
    paper : bool
        The table as published: its spectrum, grid points instead of evaluations, its numbers.
    show_nfe : bool
        Whether the text has the true steps and evaluations of every cell.

    Returns
    -------
    Table

    Raises
    ------
    GaussmeterError, Interrupted
        As for :func:`evaluate`.

    Examples
    --------
    >>> import gaussmeter as gm
    >>> gm.table(sampler="em,heun", eps=1e-3, nfe=[50, 100]).records["w2"].shape
    (12,)
    """
    words = {
        "sampler": sampler,
        "process": process,
        "grid": grid,
        "nfe": nfe,
        "steps": steps,
        "points": points,
        "eps": eps,
        "init": init,
        "network": network,
        "metric": metric,
    }
    return _ask(_native.table, Table, progress, native_data(spectrum), words, paper, show_nfe)


def curve(
    spectrum: SpectrumLike = None,
    sampler: Names | None = None,
    process: str | None = None,
    grid: GridLike = None,
    *,
    against: Literal["time", "eps", "both"] = "time",
    target: Literal["marginal", "data"] | None = None,
    nfe: Count | None = None,
    steps: Count | None = None,
    points: Count | None = None,
    eps: float | Sequence[float] | None = None,
    init: str | None = None,
    network: str | None = None,
    metric: str | None = None,
    rows: int | None = None,
    progress: bool | None = None,
) -> Curve:
    """The error along time, or against the truncation time, beside both continuous solutions.

    Parameters
    ----------
    spectrum, process, grid, nfe, steps, points, init, network, progress
        As for :func:`evaluate`.
    sampler : str or list of str, optional
        Samplers.
    against : {"time", "eps", "both"}
        Along time, the law of the state at every time of the grid; along eps, one run each.
    target : {"marginal", "data"}, optional
        What laws are compared with: p_t or the data. By default p_t along time, the data along eps.
    eps : float or list of float, optional
        Where sampling stops; along eps, the truncation times. With both, one value is for the curve
        along time, a list for the other.
    metric : str, optional
        What is measured.
    rows : int, optional
        Points that text and Markdown show; 0 for all.

    Returns
    -------
    Curve

    Raises
    ------
    GaussmeterError, Interrupted
        As for :func:`evaluate`.
    """
    words = {
        "sampler": sampler,
        "process": process,
        "grid": grid,
        "nfe": nfe,
        "steps": steps,
        "points": points,
        "eps": eps,
        "init": init,
        "network": network,
        "metric": metric,
    }
    data = native_data(spectrum)
    return _ask(_native.curve, Curve, progress, data, words, against, target, rows)


def modes(
    spectrum: SpectrumLike = None,
    sampler: Names | None = None,
    process: str | None = None,
    grid: GridLike = None,
    *,
    nfe: Count | None = None,
    steps: Count | None = None,
    points: Count | None = None,
    eps: float | None = None,
    init: str | None = None,
    network: str | None = None,
    rows: int | None = None,
    progress: bool | None = None,
) -> ModeErrors:
    """The error per eigenvalue.

    Parameters
    ----------
    spectrum, process, grid, nfe, steps, points, eps, init, network, progress
        As for :func:`evaluate`.
    sampler : str or list of str, optional
        Samplers.
    rows : int, optional
        Eigenvalues that text, Markdown and LaTeX show; 0 for all.

    Returns
    -------
    ModeErrors

    Raises
    ------
    GaussmeterError, Interrupted
        As for :func:`evaluate`.
    """
    words = {
        "sampler": sampler,
        "process": process,
        "grid": grid,
        "nfe": nfe,
        "steps": steps,
        "points": points,
        "eps": eps,
        "init": init,
        "network": network,
    }
    return _ask(_native.modes, ModeErrors, progress, native_data(spectrum), words, rows)


def steps(
    spectrum: SpectrumLike = None,
    sampler: str | None = None,
    process: str | None = None,
    grid: GridLike = None,
    *,
    nfe: Count | None = None,
    steps: Count | None = None,
    points: Count | None = None,
    eps: float | None = None,
    init: str | None = None,
    network: str | None = None,
    progress: bool | None = None,
) -> StepErrors:
    """What each step contributes to the error, for which eigenvalues, and what of it cancels.

    Parameters
    ----------
    spectrum, sampler, process, grid, nfe, steps, points, eps, init, network, progress
        As for :func:`evaluate`.

    Returns
    -------
    StepErrors

    Raises
    ------
    GaussmeterError, Interrupted
        As for :func:`evaluate`.
    """
    words = {
        "sampler": sampler,
        "process": process,
        "grid": grid,
        "nfe": nfe,
        "steps": steps,
        "points": points,
        "eps": eps,
        "init": init,
        "network": network,
    }
    return _ask(_native.steps, StepErrors, progress, native_data(spectrum), words)


def rank(
    spectrum: SpectrumLike = None,
    sampler: Names | None = None,
    process: Names | None = None,
    grid: GridLike = None,
    *,
    nfe: Count | None = None,
    eps: float | None = None,
    init: str | None = None,
    network: str | None = None,
    metric: str | None = None,
    progress: bool | None = None,
) -> Ranking:
    """All samplers at one budget of network evaluations, the best first.

    Parameters
    ----------
    spectrum, nfe, eps, init, network, progress
        As for :func:`evaluate`.
    sampler : str or list of str, optional
        Samplers; by default all.
    process, grid : str or list of str, optional
        Several are possible: every sampler runs on all of them.
    metric : str, optional
        What is measured.

    Returns
    -------
    Ranking

    Raises
    ------
    GaussmeterError, Interrupted
        As for :func:`evaluate`.
    """
    words = {
        "sampler": sampler,
        "process": process,
        "grid": grid,
        "nfe": nfe,
        "eps": eps,
        "init": init,
        "network": network,
        "metric": metric,
    }
    return _ask(_native.rank, Ranking, progress, native_data(spectrum), words)


def pareto(
    spectrum: SpectrumLike = None,
    sampler: Names | None = None,
    process: Names | None = None,
    grid: GridLike = None,
    *,
    nfe: Counts | None = None,
    eps: float | None = None,
    init: str | None = None,
    network: str | None = None,
    metric: str | None = None,
    columns: int | None = None,
    progress: bool | None = None,
) -> Pareto:
    """Error against network evaluations, and which runs are on the Pareto front.

    Parameters
    ----------
    spectrum, eps, init, network, progress
        As for :func:`evaluate`.
    sampler, process, grid : str or list of str, optional
        Every sampler runs on every grid of every process.
    nfe : int or list of int, optional
        Budgets of network evaluations, such as ``range(5, 51)``.
    metric : str, optional
        What is measured.
    columns : int, optional
        Budgets that tables show; 0 for all.

    Returns
    -------
    Pareto

    Raises
    ------
    GaussmeterError, Interrupted
        As for :func:`evaluate`.
    """
    words = {
        "sampler": sampler,
        "process": process,
        "grid": grid,
        "nfe": nfe,
        "eps": eps,
        "init": init,
        "network": network,
        "metric": metric,
    }
    return _ask(_native.pareto, Pareto, progress, native_data(spectrum), words, columns)


def schedules(
    spectrum: SpectrumLike = None,
    sampler: Names | None = None,
    process: str | None = None,
    grid: GridLike = None,
    *,
    steps: Counts | None = None,
    nfe: Counts | None = None,
    eps: float | None = None,
    init: str | None = None,
    objective: str | None = None,
    min_ratio: float | None = None,
    progress: bool | None = None,
) -> Schedules:
    """Schedules for the data: in closed form, standard ones, and the optimum.

    Parameters
    ----------
    spectrum, process, init, progress
        As for :func:`evaluate`.
    sampler : str or list of str, optional
        Samplers.
    grid : str or list, optional
        Schedules; by default all that depend on the data, and the usual ones.
    steps, nfe : int or list of int, optional
        Numbers of steps, or budgets of network evaluations. Only one of them.
    eps : float, optional
        Time where sampling stops.
    objective : str, optional
        What is measured, and minimised by the optimum: ``"w2"``, ``"local"``, …
    min_ratio : float, optional
        Smallest ratio of neighbouring noise levels in the optimum, at least 1.

    Returns
    -------
    Schedules

    Raises
    ------
    GaussmeterError, Interrupted
        As for :func:`evaluate`; what was found by then is in ``Interrupted.result``.
    """
    words = {
        "sampler": sampler,
        "process": process,
        "grid": grid,
        "steps": steps,
        "nfe": nfe,
        "eps": eps,
        "init": init,
    }
    data = native_data(spectrum)
    return _ask(_native.schedules, Schedules, progress, data, words, objective, min_ratio)


def tune(
    spectrum: SpectrumLike = None,
    sampler: str | None = None,
    process: str | None = None,
    *,
    nfe: Count | None = None,
    steps: Count | None = None,
    points: Count | None = None,
    eps: float | None = None,
    init: str | None = None,
    network: str | None = None,
    objective: str | None = None,
    free: Literal["start", "end", "eta"] | Sequence[Literal["start", "end", "eta"]] = (),
    min_ratio: float | None = None,
    starts: int | None = None,
    seed: int | None = None,
    progress: bool | None = None,
) -> Tuning:
    """The best times of a sampler for given data.

    Parameters
    ----------
    spectrum, sampler, process, nfe, steps, points, init, network, progress
        As for :func:`evaluate`.
    eps : float, optional
        Time where sampling stops; by default 0, the data.
    objective : str, optional
        What is minimised. The default, ``"robust"``, holds on data that are not Gaussian as far as
        it was tried (docs/steps.md); ``"w2"`` is for exactly Gaussian data.
    free : {"start", "end", "eta"} or several of them, optional
        Ends of the schedule to optimise too, and the sampler's stochasticity, from 0, the ODE, to
        1, the reverse SDE: ``sampler`` of the result is then the sampler with the best one.
    min_ratio : float, optional
        Smallest ratio of neighbouring noise levels, at least 1.
    starts : int, optional
        Random schedules to start from, beside the best standard ones.
    seed : int, optional
        Seed of the random starts.

    Returns
    -------
    Tuning
        Its ``sigmas`` can be passed as ``grid`` to every other function.

    Raises
    ------
    GaussmeterError, Interrupted
        As for :func:`evaluate`; the best found by then is in ``Interrupted.result``.

    Examples
    --------
    >>> import gaussmeter as gm
    >>> tuning = gm.tune("cifar10", "dpmpp-2m", nfe=5)
    >>> error = gm.evaluate("cifar10", "dpmpp-2m", "edm", tuning.sigmas).w2
    >>> abs(error - tuning.w2) < 1e-9
    True
    """
    wanted = {free} if isinstance(free, str) else set(free)
    known = {"start", "end", "eta"}
    if not wanted <= known:
        unknown = ", ".join(sorted(str(what) for what in wanted - known))
        hint = "give 'start', 'end' or 'eta'"
        raise GaussmeterError(f"free: {unknown} is nothing that can be sought", hint)
    words = {
        "sampler": sampler,
        "process": process,
        "nfe": nfe,
        "steps": steps,
        "points": points,
        "eps": eps,
        "init": init,
        "network": network,
    }
    return _ask(
        _native.tune,
        Tuning,
        progress,
        native_data(spectrum),
        words,
        objective,
        "start" in wanted,
        "end" in wanted,
        "eta" in wanted,
        min_ratio,
        starts,
        seed,
    )


def recommend(
    spectrum: SpectrumLike = None,
    sampler: Names | None = None,
    process: str | None = None,
    *,
    nfe: Count | None = None,
    error: float | None = None,
    front: Sequence[int] | None = None,
    eps: float | None = None,
    init: str | None = None,
    network: str | None = None,
    objective: str | None = None,
    min_ratio: float | None = None,
    verify: bool = False,
    top: int | None = None,
    progress: bool | None = None,
) -> Recommendation:
    """The best sampler and schedule for given data and budget, in one sentence first.

    Parameters
    ----------
    spectrum, process, init, network, progress
        As for :func:`evaluate`.
    sampler : str or list of str, optional
        Samplers; by default all.
    nfe : int, optional
        Budget of network evaluations.
    error : float, optional
        Instead of a budget, the error to reach, with the fewest evaluations.
    front : list of int, optional
        Budgets of the Pareto front, in addition to the goal's.
    eps : float, optional
        Time where sampling stops.
    objective : str, optional
        What times are optimised for and samplers compared by.
    min_ratio : float, optional
        Smallest ratio of neighbouring noise levels in optimised times, at least 1.
    verify : bool
        Also try the winner on the classes, clusters or samples of the data: ``spectrum`` is then
        a law (:func:`mixture`, :func:`empirical` or :func:`separable`) or its path.
    top : int, optional
        Samplers that text, Markdown and LaTeX show; 0 for all.

    Returns
    -------
    Recommendation

    Raises
    ------
    GaussmeterError, Interrupted
        As for :func:`evaluate`; what was compared by then is in ``Interrupted.result``.
    """
    law = None
    if verify:
        if isinstance(spectrum, DataLaw):
            with spectrum._file() as path:
                return recommend(
                    path,
                    sampler,
                    process,
                    nfe=nfe,
                    error=error,
                    front=front,
                    eps=eps,
                    init=init,
                    network=network,
                    objective=objective,
                    min_ratio=min_ratio,
                    verify=True,
                    top=top,
                    progress=progress,
                )
        if not isinstance(spectrum, (str, os.PathLike)):
            raise GaussmeterError(
                "verify=True needs a law that is not Gaussian, or its path, as spectrum",
                "make one with gaussmeter.mixture, empirical or separable",
            )
        law = os.fspath(spectrum)
    words = {"sampler": sampler, "process": process, "init": init, "network": network}
    return _ask(
        _native.recommend,
        Recommendation,
        progress,
        native_data(spectrum),
        words,
        nfe,
        error,
        None if front is None else list(front),
        eps,
        objective,
        min_ratio,
        law,
        top,
    )


def plane(
    covariance: ArrayLike = ((1.0, 0.7), (0.7, 0.6)),
    sampler: Names | None = None,
    process: str | None = None,
    grid: GridLike = None,
    *,
    mean: ArrayLike = (0.0, 0.0),
    nfe: Count | None = None,
    steps: Count | None = None,
    points: Count | None = None,
    eps: float | None = None,
    init: str | None = None,
    network: str = "gain:delta=-0.1",
    errors: bool = False,
    paths: int = 6,
    seed: int = 0,
    progress: bool | None = None,
) -> Plane:
    """A Gaussian in the plane: what samplers do to it, as a picture.

    Parameters
    ----------
    covariance : array_like, shape (2, 2)
        Covariance of the data.
    sampler, process, grid, nfe, steps, points, eps, init, progress
        As for :func:`evaluate`; several samplers can be given.
    mean : array_like, shape (2,)
        Mean of the data.
    network : str
        The network of the score error; samples are those of the exact one.
    errors : bool
        The figure has the four sources of error, each alone, instead of the way.
    paths, seed : int
        Samples on their way.

    Returns
    -------
    Plane

    Raises
    ------
    GaussmeterError
        Of what is no covariance, and as for :func:`evaluate`.

    Examples
    --------
    >>> import gaussmeter as gm
    >>> gm.plane([[1, 0.5], [0.5, 1]], "em", steps=5).save("plane.svg")  # doctest: +SKIP
    """
    matrix = as_numpy(covariance, "covariance").astype(float)
    centre = as_numpy(mean, "mean").astype(float)
    if matrix.shape != (2, 2) or matrix[0, 1] != matrix[1, 0] or centre.shape != (2,):
        raise GaussmeterError(
            f"covariance of shape {matrix.shape}, mean of shape {centre.shape}: not of the plane",
            "give a symmetric covariance of shape (2, 2) and a mean of shape (2,)",
        )
    words = {
        "sampler": sampler,
        "process": process,
        "grid": grid,
        "nfe": nfe,
        "steps": steps,
        "points": points,
        "eps": eps,
        "init": init,
        "network": network,
    }
    numbers = [matrix[0, 0], matrix[0, 1], matrix[1, 1]]
    return _ask(
        _native.plane, Plane, progress, numbers, centre.tolist(), words, errors, paths, seed
    )


def report(
    spectrum: SpectrumLike = None,
    sampler: Names | None = None,
    process: str | None = None,
    grid: str | None = None,
    *,
    nfe: Count | None = None,
    columns: Counts | None = None,
    eps: float | None = None,
    init: str | None = None,
    network: str | None = None,
    verify: bool = False,
    progress: bool | None = None,
) -> FullReport:
    """Everything about a spectrum, for one page: a recommendation, tables, figures, references.

    Parameters
    ----------
    spectrum, process, init, network, eps, progress
        As for :func:`evaluate`.
    sampler : str or list of str, optional
        Samplers that are compared, of which one is recommended; by default seven are compared, and
        the recommendation is out of all.
    grid : str, optional
        Where the times of tables and curves go.
    nfe : int, optional
        Budget of network evaluations.
    columns : int or list of int, optional
        Budgets of the table.
    verify : bool
        Also try the recommendation on the classes, clusters or samples of the data: ``spectrum`` is
        then the path of a law (:func:`mixture`, :func:`empirical` or :func:`separable`).

    Returns
    -------
    FullReport

    Raises
    ------
    GaussmeterError, Interrupted
        As for :func:`evaluate`; what was found by then is in ``Interrupted.result``.

    Examples
    --------
    >>> import gaussmeter as gm
    >>> found = gm.report("power-law:d=20,alpha=1", ["ddim", "dpmpp-2m"], nfe=5)
    >>> found.save("report.html")  # doctest: +SKIP
    """
    if grid is not None and not isinstance(grid, str):
        raise TypeError("grid: a report takes a rule by its name, not noise levels")
    is_named = isinstance(spectrum, (str, os.PathLike))
    if verify and not is_named:
        raise GaussmeterError(
            "verify=True needs the path of a law that is not Gaussian as spectrum",
            "make one with gaussmeter.mixture, empirical or separable, and save it",
        )
    words = {
        "sampler": sampler,
        "process": process,
        "grid": grid,
        "nfe": columns,
        "eps": eps,
        "init": init,
        "network": network,
    }
    name = os.fspath(spectrum) if is_named else None  # type: ignore[arg-type]
    given = {"spectrum": name, **words, "nfe": nfe, "columns": columns, "verify": verify or None}
    call = ", ".join(f"{key}={value!r}" for key, value in given.items() if value is not None)
    data = native_data(spectrum)
    law = name if verify else None
    made_by = f"gaussmeter.report({call})"
    return _ask(_native.report, FullReport, progress, data, words, name, nfe, law, made_by)


def verify(
    data: DataLaw | str | os.PathLike[str] | SpectrumLike,
    sampler: Names | None = None,
    process: Names | None = None,
    grid: GridLike = None,
    *,
    steps: Counts | None = None,
    eps: float | None = None,
    network: str | None = None,
    starts: int | None = None,
    reference: int | None = None,
    samples: int | None = None,
    seed: int | None = None,
    denoiser: Callable[..., Any] | None = None,
    predicts: Predicts = "denoiser",
    takes: Takes = "sigma",
    shape: Sequence[int] | None = None,
    like: Any = None,
    progress: bool | None = None,
) -> Verification:
    r"""Samplers and schedules on data that are not Gaussian, or with a network of your own.

    From the same starts each sampler without noise is compared with the fine solution of the
    probability-flow ODE; of samplers with noise, mean and covariance are compared with the data's.

    Parameters
    ----------
    data : DataLaw or path, or Spectrum with a denoiser
        The law (:func:`mixture`, :func:`empirical` or :func:`separable`), whose network is exact.
        With a ``denoiser``, the spectrum of its data, for predictions and for grids that follow
        the data.
    sampler, process, grid : str or list of str, optional
        Every sampler runs on every grid of every process.
    steps : int or list of int, optional
        Numbers of steps.
    eps : float, optional
        Time where sampling stops.
    network : str, optional
        What samplers call: the law's exact network, with a factor on its score.
    starts : int, optional
        Number of starts of samplers without noise.
    reference : int, optional
        Steps of the fine solution, at least 8: others of a half and a quarter of them tell its
        error.
    samples : int, optional
        Number of samples of samplers with noise.
    seed : int, optional
        Seed of starts and noises.
    denoiser : callable, optional
        Your network, ``denoiser(x, sigma)``: as for :func:`simulate`. Several threads call it, one
        at a time.
    predicts, takes
        What the network returns and takes: as for :func:`simulate`.
    shape : tuple of int, optional
        Shape of one sample; by default (dimension,).
    like : tensor, optional
        A tensor of the type and on the device that the network takes. By default x is a NumPy array
        of float64.
    progress : bool, optional
        As for :func:`evaluate`.

    Returns
    -------
    Verification

    Raises
    ------
    GaussmeterError
        A file that holds no such law, or a network that returns another shape or NaN.
    Interrupted
        As for :func:`evaluate`.
    Exception
        What the network raises, unchanged.
    """
    words = {
        "sampler": sampler,
        "process": process,
        "grid": grid,
        "steps": steps,
        "eps": eps,
        "network": network,
    }
    given: Any
    if denoiser is None:
        if isinstance(data, DataLaw):
            with data._file() as path:
                return verify(
                    path,
                    sampler,
                    process,
                    grid,
                    steps=steps,
                    eps=eps,
                    network=network,
                    starts=starts,
                    reference=reference,
                    samples=samples,
                    seed=seed,
                    progress=progress,
                )
        if not isinstance(data, (str, os.PathLike)):
            raise GaussmeterError(
                "data: a law that is not Gaussian, or its path, is needed, or a denoiser",
                "make a law with gaussmeter.mixture, empirical or separable",
            )
        given, function = os.fspath(data), None
    else:
        spectrum = as_spectrum(data)
        given = spectrum._native
        check_takes(takes, predicts)
        function = flat_denoiser(denoiser, spectrum.dimension, shape, like, takes)
    return _ask(
        _native.verify,
        Verification,
        progress,
        given,
        words,
        starts,
        reference,
        samples,
        seed,
        function,
        predicts,
    )


def show(
    sampler: str,
    process: str | None = None,
    grid: GridLike = None,
    *,
    steps: Count | None = None,
    nfe: Count | None = None,
    points: Count | None = None,
    eps: float | None = None,
) -> Program:
    """A sampler as the linear program that it is: every operation with its coefficients.

    Parameters
    ----------
    sampler, process, grid, steps, nfe, points, eps
        As for :func:`evaluate`.

    Returns
    -------
    Program

    Raises
    ------
    GaussmeterError
        As for :func:`evaluate`.

    Examples
    --------
    >>> import gaussmeter as gm
    >>> gm.show("ddim", steps=2).nfe
    2
    """
    words = {
        "sampler": sampler,
        "process": process,
        "grid": grid,
        "steps": steps,
        "nfe": nfe,
        "points": points,
        "eps": eps,
    }
    return _ask(_native.show, Program, False, words)


def cite(
    sampler: Names | None = None,
    *,
    process: str | None = None,
    grid: str | None = None,
    spectrum: str | None = None,
    metric: str | None = None,
) -> str:
    """BibTeX of the papers and projects behind what is named.

    Parameters
    ----------
    sampler : str or list of str, optional
        Samplers.
    process, grid, spectrum, metric : str, optional
        Names of members of the other registries.

    Returns
    -------
    str
        Always with the paper that the method is based on, and gaussmeter itself.

    Raises
    ------
    GaussmeterError
        Unknown names.
    """
    words = {"sampler": sampler, "process": process, "grid": grid, "metric": metric}
    return _native.cite(words, spectrum)


def export(
    to: str,
    sampler: str,
    spectrum: SpectrumLike = None,
    process: str | None = None,
    grid: GridLike = None,
    *,
    nfe: Count | None = None,
    steps: Count | None = None,
    points: Count | None = None,
    eps: float | None = None,
    init: str | None = None,
) -> Export:
    """A schedule for diffusers, k-diffusion, ComfyUI, EDM or flow matching.

    Parameters
    ----------
    to : str
        Where the schedule goes (see :data:`gaussmeter.targets`).
    sampler, spectrum, process, grid, nfe, steps, points, eps
        As for :func:`evaluate`.
    init : str, optional
        The initial law that errors are measured from; by default that of the project.

    Returns
    -------
    Export
        The code to paste, the numbers, what had to change, and the cost in W2.

    Raises
    ------
    GaussmeterError
        Unknown names, or a schedule that the project cannot run.

    Examples
    --------
    >>> import gaussmeter as gm
    >>> print(gm.export("comfyui", "dpmpp-2m", process="edm", grid="karras", steps=3).code, end="")
    80.0, 2.515219, 0.002, 0.0
    """
    words = {
        "sampler": sampler,
        "process": process,
        "grid": grid,
        "nfe": nfe,
        "steps": steps,
        "points": points,
        "eps": eps,
        "init": init,
    }
    return Export(*_native.export_schedule(native_data(spectrum), words, to))


def info(
    spectrum: SpectrumLike = None,
    *,
    tolerance: float | ArrayLike | None = None,
    against: SpectrumLike = None,
) -> Info:
    """A spectrum at a glance: ranks, condition, power law, the noise levels that it calls for.

    Parameters
    ----------
    spectrum : Spectrum, str, path or array_like
        The data.
    tolerance : float or list of float, optional
        Errors (W2) that a start and a stop may leave.
    against : Spectrum, str, path or array_like, optional
        Other data: by which factor to shift noise levels so that both are equally hard.

    Returns
    -------
    Info

    Raises
    ------
    GaussmeterError
        A tolerance that is not positive.
    """
    wanted = [] if tolerance is None else list(floats(tolerance, "tolerance", None).ravel())
    other = None if against is None else as_spectrum(against)._native
    data: Spectrum = as_spectrum(spectrum)
    return _ask(_native.info, Info, False, data._native, wanted, other)
