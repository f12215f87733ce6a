"""Sampling functions as ComfyUI calls them: k-diffusion's, with a model around the model."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ._spectrum import SpectrumLike
from .kdiffusion import checked_sigmas
from .probe import ProbeResult
from .probe import probe as probe_code
from .probe._errors import error


def probe(
    sample_fn: Callable[..., Any],
    sigmas: Any,
    spectrum: SpectrumLike = None,
    *,
    model: str = "eps",
    model_sampling: Any = None,
    init: str | float = "normal",
    arguments: dict[str, Any] | None = None,
    **options: Any,
) -> ProbeResult:
    """The exact law of a function such as ``comfy.k_diffusion.sampling.sample_res_multistep``.

    Node packs that register samplers have functions of the same form. They are called as
    ``sample_fn(model, x, sigmas, extra_args={"seed": 0}, callback=None, disable=True)``, where
    ``model(x, sigma, **extra_args)`` is the exact denoiser. It has what such functions look for:
    ``model.inner_model.inner_model.model_sampling`` and
    ``model.inner_model.model_patcher.get_model_object("model_sampling")``.

    Parameters
    ----------
    sample_fn
        The function.
    sigmas
        Levels as schedulers of ComfyUI list them: noise ratios, or u of flow models.
    spectrum
        The data, or what :meth:`gaussmeter.Spectrum.load` takes.
    model
        ``"eps"``: states are ``x0 + sigma n``; ``"flow"``: ``(1 - u) x0 + u n`` (CONST in ComfyUI).
    model_sampling
        The object of that name of a ComfyUI model, for functions that ask which kind it is. By
        default one with the same methods.
    init
        ``"normal"``: as the node KSampler starts, ``sqrt(1 + sigma^2)`` times normal numbers, or u
        times; ``"exact"``: data at the first level; or a standard deviation.
    arguments
        Further arguments.
    options
        Those of :func:`gaussmeter.probe`.

    Returns
    -------
    ProbeResult

    Raises
    ------
    GaussmeterError
        For levels that do not fall, and as :func:`gaussmeter.probe`.
    """
    import torch

    if model not in ("eps", "flow"):
        raise error(f"unknown model {model!r}", "take eps or flow")
    levels = checked_sigmas(sigmas)
    first = float(levels[0])
    if init == "normal":
        init = math.sqrt(1.0 + first**2) if model == "eps" else first
    sampling = model_sampling if model_sampling is not None else _sampling(levels, model)
    given = {
        "extra_args": {"seed": 0, "model_options": {}},
        "callback": None,
        "disable": True,
        **(arguments or {}),
    }
    taken = inspect.signature(sample_fn).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in taken.values()):
        given = {name: value for name, value in given.items() if name in taken}
    by_ends = "sigma_min" in taken and "sigmas" not in taken
    if by_ends:
        given.setdefault("n", levels.size - 1)

    def run(denoiser: Any, x: Any) -> Any:
        whole = Model(denoiser, sampling)
        if by_ends:
            positive = levels[levels > 0]
            return sample_fn(whole, x, float(positive[-1]), first, **given)
        return sample_fn(whole, x, torch.as_tensor(levels, dtype=x.dtype), **given)

    options.setdefault("name", getattr(sample_fn, "__name__", type(sample_fn).__name__))
    if model == "eps":
        options.setdefault("nodes", [(1.0, float(sigma)) for sigma in levels])
    else:
        options.setdefault("nodes", [(1.0 - float(u), float(u)) for u in levels])
    options.setdefault("library", "torch")
    return probe_code(
        run,
        spectrum,
        predicts="denoiser",
        levels="edm" if model == "eps" else "flow",
        init=init,
        **options,
    )


def _sampling(levels: np.ndarray, model: str) -> ModelSampling:
    """The stand-in, which is a CONST for code that asks whether a model is one of flow matching."""
    theirs = sys.modules.get("comfy.model_sampling")
    if model == "flow" and theirs is not None and hasattr(theirs, "CONST"):
        kind = type("ModelSampling", (ModelSampling, theirs.CONST), {})
        made: ModelSampling = kind(levels, model)
        return made
    return ModelSampling(levels, model)


class ModelSampling:
    """What ComfyUI's functions ask of ``model_sampling``.

    Parameters
    ----------
    levels
        Noise levels of the run.
    model
        ``"eps"`` or ``"flow"``.
    """

    def __init__(self, levels: np.ndarray, model: str) -> None:
        self._positive = levels[levels > 0]
        self._flow = model == "flow"

    @property
    def sigma_max(self) -> Any:
        """The largest level, as a tensor."""
        import torch

        return torch.tensor(1.0 if self._flow else float(self._positive[0]), dtype=torch.float64)

    @property
    def sigma_min(self) -> Any:
        """The smallest level above 0, as a tensor."""
        import torch

        return torch.tensor(float(self._positive[-1]), dtype=torch.float64)

    def timestep(self, sigma: Any) -> Any:
        """The level itself: networks here are told no whole timesteps."""
        return sigma

    def sigma(self, timestep: Any) -> Any:
        """The other way round."""
        return timestep

    def percent_to_sigma(self, percent: float) -> float:
        """The level at this part of the way, geometric or, for flow models, uniform."""
        if percent <= 0.0:
            return 1.0 if self._flow else 999999999.9
        if percent >= 1.0:
            return 0.0
        if self._flow:
            return 1.0 - percent
        high, low = float(self._positive[0]), float(self._positive[-1])
        return high * (low / high) ** percent


class Model:
    """A denoiser with the layers that ComfyUI has around one."""

    def __init__(self, denoiser: Any, model_sampling: Any) -> None:
        self._denoiser = denoiser
        self.model_sampling = model_sampling
        self.model_options: dict[str, Any] = {}

    def __call__(self, x: Any, sigma: Any, **extra_args: Any) -> Any:
        """The denoised state."""
        return self._denoiser(x, sigma)

    @property
    def inner_model(self) -> Model:
        """The model inside, which is this one."""
        return self

    @property
    def model_patcher(self) -> Model:
        """The patcher, which is this one."""
        return self

    def get_model_object(self, name: str) -> Any:
        """An object of the model by its name."""
        return getattr(self, name)

    get_object = get_model_object


__all__ = ["probe"]
