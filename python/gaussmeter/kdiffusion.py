"""Sampling functions of k-diffusion, and of everything that has their form."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ._spectrum import SpectrumLike
from .probe import ProbeResult
from .probe import probe as probe_code
from .probe._errors import error
from .probe.convention import to_numpy


def probe(
    sample_fn: Callable[..., Any],
    sigmas: Any,
    spectrum: SpectrumLike = None,
    *,
    init: str | float = "normal",
    arguments: dict[str, Any] | None = None,
    **options: Any,
) -> ProbeResult:
    """The exact law of a function such as ``k_diffusion.sampling.sample_dpmpp_2m``.

    It is called as ``sample_fn(model, x, sigmas, disable=True, **arguments)``, where ``model(x,
    sigma)`` is the exact denoiser; ``sample_dpm_fast`` and ``sample_dpm_adaptive`` with the ends of
    ``sigmas`` above 0. Noise samplers and Brownian trees are seen as they are: increments of
    overlapping intervals of a tree are correlated.

    Parameters
    ----------
    sample_fn
        The function.
    sigmas
        Noise levels, the noisiest first, usually with a 0 at the end.
    spectrum
        The data, or what :meth:`gaussmeter.Spectrum.load` takes.
    init
        ``"normal"``: normal numbers times the first sigma; ``"exact"``: data at that level; or a
        standard deviation.
    arguments
        Further arguments, such as ``{"eta": 0.5}``.
    options
        Those of :func:`gaussmeter.probe`.

    Returns
    -------
    ProbeResult

    Raises
    ------
    GaussmeterError
        For levels that do not fall, and as :func:`gaussmeter.probe`.

    Examples
    --------
    >>> import k_diffusion as K, gaussmeter as gm  # doctest: +SKIP
    >>> sigmas = K.sampling.get_sigmas_karras(20, 0.03, 14.6)  # doctest: +SKIP
    >>> print(gm.kdiffusion.probe(K.sampling.sample_dpmpp_2m, sigmas))  # doctest: +SKIP
    """
    import torch

    levels = checked_sigmas(sigmas)
    if init == "normal":
        init = float(levels[0])
    given = {"disable": True, **(arguments or {})}
    taken = inspect.signature(inspect.unwrap(sample_fn)).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in taken.values()):
        given = {name: value for name, value in given.items() if name in taken or name != "disable"}
    by_ends = "sigma_min" in taken and "sigmas" not in taken
    if by_ends and "n" in taken and "n" not in given:
        given["n"] = int((levels > 0).sum())

    def run(model: Any, x: Any) -> Any:
        if by_ends:
            positive = levels[levels > 0]
            return sample_fn(model, x, float(positive[-1]), float(positive[0]), **given)
        return sample_fn(model, x, torch.as_tensor(levels, dtype=x.dtype, device=x.device), **given)

    options.setdefault("name", getattr(sample_fn, "__name__", type(sample_fn).__name__))
    options.setdefault("nodes", [(1.0, float(sigma)) for sigma in levels])
    options.setdefault("library", "torch")
    return probe_code(run, spectrum, predicts="denoiser", levels="edm", init=init, **options)


def checked_sigmas(sigmas: Any) -> np.ndarray:
    """Noise levels as an array, if they fall and are finite."""
    levels = np.asarray(to_numpy(sigmas), dtype=np.float64).ravel()
    if levels.size < 2 or not np.isfinite(levels).all() or (np.diff(levels) > 0).any():
        raise error(
            f"sigmas are not a falling list: {np.array2string(levels, threshold=6, precision=4)}",
            "hand in noise levels, the noisiest first",
        )
    if levels[0] <= 0.0 or levels[-1] < 0.0:
        raise error("sigmas are not positive", "hand in noise levels, the last of which may be 0")
    return levels


__all__ = ["probe"]
