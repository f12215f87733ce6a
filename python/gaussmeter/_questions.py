"""Questions that the library answers: one function each, as on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import _native
from ._law import Law
from ._progress import progress_bar
from ._results import Evaluation
from ._errors import Interrupted
from ._spectrum import SpectrumLike, native_data

#: The name of a rule that places times, with its options, or noise levels σ, noisiest first.
GridLike = Any
#: Whole numbers: one, or several.
Counts = int | Sequence[int]


def _ask(make: Any, wrap: Any, progress: bool | None, *arguments: Any, **options: Any) -> Any:
    """Asks the native module, with progress; what is found after an interrupt is wrapped too."""
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
    nfe: int | None = None,
    steps: int | None = None,
    points: int | None = None,
    eps: float | None = None,
    init: str | None = None,
    network: str | None = None,
    modes: bool = False,
) -> Evaluation:
    """Everything about one configuration: W2 and its parts, KL both ways, the error budget.

    What is left out has the default of ``gaussmeter eval``.

    Parameters
    ----------
    spectrum : Spectrum, str, path or array_like
        The data: a spectrum, a preset, a file, or eigenvalues.
    sampler : str
        A sampler with its options: ``"heun"``, ``"dpmpp-2m-sde:eta=0.5"``,
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

    Returns
    -------
    Evaluation

    Raises
    ------
    GaussmeterError
        Unknown names, values out of range, or a configuration that cannot run.

    Examples
    --------
    >>> import gaussmeter as gm
    >>> result = gm.evaluate("cifar10", "heun", nfe=50, eps=1e-3)
    >>> round(result.w2, 3), result.steps
    (1.909, 25)
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
    return _ask(_native.evaluate, Evaluation, False, native_data(spectrum), words, modes)


def output_law(
    spectrum: SpectrumLike = None,
    sampler: str | None = None,
    process: str | None = None,
    grid: GridLike = None,
    *,
    nfe: int | None = None,
    steps: int | None = None,
    points: int | None = None,
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
