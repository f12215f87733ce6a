"""Samplers of azula: the exact law of what they sample."""

from __future__ import annotations

import copy
import math
from typing import Any

from ._spectrum import SpectrumLike
from .probe import ProbeResult
from .probe import probe as probe_code
from .probe._errors import error


def probe(
    sampler: Any, spectrum: SpectrumLike = None, *, init: str | float = "normal", **options: Any
) -> ProbeResult:
    """The exact law of a sampler of azula, with the schedule of its denoiser.

    Its denoiser is replaced by the exact one for the data; the posterior it returns has the mean
    alone. The sampler itself is left as it is.

    Parameters
    ----------
    sampler
        An ``azula.sample.Sampler``.
    spectrum
        The data, or what :meth:`gaussmeter.Spectrum.load` takes.
    init
        ``"normal"``: zero mean and the noise of the first level, as ``sampler.init(shape, var=0)``;
        ``"exact"``: data at that level; or a standard deviation (``sampler.init(shape)`` without
        ``var`` has that of data of variance 1).
    options
        Those of :func:`gaussmeter.probe`.

    Returns
    -------
    ProbeResult
        The law of the output at the scale of the sampler's last time: azula's schedules keep a
        little noise there, so that it is not divided by the signal.

    Raises
    ------
    GaussmeterError
        If the sampler has no denoiser with a schedule, and as :func:`gaussmeter.probe`.
    """
    import torch

    schedule = getattr(getattr(sampler, "denoiser", None), "schedule", None)
    if schedule is None:
        raise error(
            f"{type(sampler).__name__} has no denoiser with a schedule",
            "hand in a sampler of azula.sample",
        )

    def level(time: float) -> tuple[float, float]:
        alpha, sigma = schedule(torch.tensor(time, dtype=torch.float64))
        return float(alpha), float(sigma)

    def run(denoiser: Any, x: Any) -> Any:
        own = copy.copy(sampler)
        own.denoiser = _Denoiser(denoiser, schedule)
        own.silent = True
        return own(x)

    times = [float(time) for time in sampler.timesteps]
    options.setdefault("name", type(sampler).__name__)
    options.setdefault("nodes", [level(time) for time in times])
    if type(sampler).__name__ == "DDIMSampler":
        # Its eta is a part of the variance, that of the publication a part of the deviation.
        options.setdefault("candidates", [f"ddim:eta={math.sqrt(float(sampler.eta))!r}"])
    if init == "normal":
        init = level(times[0])[1]
    return probe_code(
        run,
        spectrum,
        predicts="denoiser",
        levels=level,
        init=init,
        library="torch",
        **options,
    )


class _Posterior:
    def __init__(self, mean: Any) -> None:
        self.mean = mean


class _Denoiser:
    """A denoiser as azula's samplers call it."""

    def __init__(self, denoiser: Any, schedule: Any) -> None:
        self._denoiser = denoiser
        self.schedule = schedule

    def __call__(self, x_t: Any, t: Any, **kwargs: Any) -> _Posterior:
        return _Posterior(self._denoiser(x_t, t))


__all__ = ["probe"]
