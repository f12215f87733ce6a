"""Diffusion SDEs of deepinv: the exact law of what their solvers sample."""

from __future__ import annotations

from typing import Any

from ._spectrum import SpectrumLike
from .probe import ProbeResult
from .probe import probe as probe_code
from .probe._errors import error


def probe(
    sde: Any, spectrum: SpectrumLike = None, *, init: str | float = "normal", **options: Any
) -> ProbeResult:
    """The exact law of ``sde.sample``, with its solver and times.

    The denoiser of the SDE is replaced by the exact one for the data, in the units of the solver's
    states: with ``minus_one_one`` that is [-1, 1], and the law is that before deepinv maps samples
    to [0, 1]. Denoisers are called in float32. Posterior samplers (``PosteriorDiffusion``, ``DPS``)
    need measurements and are not probed here: write a function that has them, for
    :func:`gaussmeter.probe`.

    Parameters
    ----------
    sde
        A ``deepinv.sampling.DiffusionSDE`` with a solver.
    spectrum
        The data, or what :meth:`gaussmeter.Spectrum.load` takes.
    init
        ``"normal"``: as ``sample_init`` draws it; ``"exact"``: data at the first level; or a
        standard deviation.
    options
        Those of :func:`gaussmeter.probe`.

    Returns
    -------
    ProbeResult

    Raises
    ------
    GaussmeterError
        If it has no solver or no denoiser, and as :func:`gaussmeter.probe`.
    """
    import torch

    if getattr(sde, "solver", None) is None or not hasattr(sde, "denoiser"):
        raise error(
            f"{type(sde).__name__} has no solver or no denoiser",
            "hand in a DiffusionSDE with solver=…",
        )

    class Denoiser(torch.nn.Module):  # type: ignore[misc]
        def __init__(self, inner: Any) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: Any, sigma: Any, *args: Any, **kwargs: Any) -> Any:
            return self.inner(x, sigma)

    def run(denoiser: Any, x: Any) -> Any:
        # Its drift is a closure of the original: that one's network is replaced for a while.
        kept = sde.denoiser, sde.minus_one_one
        try:
            sde.denoiser, sde.minus_one_one = Denoiser(denoiser), False
            with torch.no_grad():
                return sde.sample(x)
        finally:
            sde.denoiser, sde.minus_one_one = kept

    options.setdefault("name", f"{type(sde).__name__} with {type(sde.solver).__name__}")
    return probe_code(
        run,
        spectrum,
        predicts="denoiser",
        levels="edm",
        init=init,
        library="torch",
        **options,
    )


__all__ = ["probe"]
