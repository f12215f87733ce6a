"""Exact errors of diffusion samplers on Gaussian data.

When the data are Gaussian, N(μ, Σ), the score is linear, so every usual sampler outputs a Gaussian
whose law has a closed recursion per eigenvalue of Σ: its Wasserstein-2 error is a number, not an
estimate.

Examples
--------
>>> import gaussmeter as gm
>>> gm.evaluate("cifar10", gm.samplers.heun, nfe=50, eps=1e-3).w2
1.9089...
"""

from . import _native
from ._errors import GaussmeterError, GaussmeterWarning, Interrupted
from ._law import Law
from ._questions import evaluate, output_law
from ._registries import (
    Family,
    Member,
    conditionings,
    grids,
    inits,
    metrics,
    networks,
    objectives,
    order,
    processes,
    samplers,
    spectra,
    targets,
)
from ._results import Evaluation, Levels, Result
from ._spectrum import Spectrum

__version__: str = _native.__version__

__all__ = [
    "Evaluation",
    "Family",
    "GaussmeterError",
    "GaussmeterWarning",
    "Interrupted",
    "Law",
    "Levels",
    "Member",
    "Result",
    "Spectrum",
    "conditionings",
    "evaluate",
    "grids",
    "inits",
    "metrics",
    "networks",
    "objectives",
    "order",
    "output_law",
    "processes",
    "samplers",
    "spectra",
    "targets",
]
