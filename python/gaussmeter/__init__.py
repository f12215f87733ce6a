"""Exact errors of diffusion samplers on Gaussian data.

When the data are Gaussian, N(μ, Σ), the score is linear, so every usual sampler outputs a Gaussian
whose law has a closed recursion per eigenvalue of Σ: its Wasserstein-2 error is a number, not an
estimate.

Examples
--------
>>> import gaussmeter as gm
>>> round(gm.evaluate("cifar10", gm.samplers.heun, nfe=50, eps=1e-3).w2, 4)
1.8745
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from . import _native
from ._denoiser import Level
from ._distance import Distances, distance
from ._errors import GaussmeterError, GaussmeterWarning, Interrupted
from ._law import Law
from ._laws import DataLaw, empirical, mixture, separable, texture
from ._moments import Moments
from ._questions import (
    cite,
    curve,
    evaluate,
    export,
    info,
    modes,
    output_law,
    pareto,
    plane,
    rank,
    recommend,
    report,
    schedules,
    show,
    steps,
    table,
    tune,
    verify,
)
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
from ._results import (
    Curve,
    Evaluation,
    Export,
    FullReport,
    Info,
    Levels,
    ModeErrors,
    Pareto,
    Plane,
    Program,
    Ranking,
    Recommendation,
    Result,
    Schedules,
    StepErrors,
    Table,
    Tuning,
    Verification,
)
from ._sample import Samples, sample
from ._simulate import simulate
from ._spectrum import Spectrum
from .probe import ProbeResult, probe

if _TYPE_CHECKING:
    from . import azula, comfyui, deepinv, diffusers, kdiffusion, testing, torch
    from ._score_error import ScoreError, score_error
    from .audit import Audit, audit

__version__: str = _native.__version__

__all__ = [
    "Audit",
    "Curve",
    "DataLaw",
    "Distances",
    "Evaluation",
    "Export",
    "Family",
    "FullReport",
    "GaussmeterError",
    "GaussmeterWarning",
    "Info",
    "Interrupted",
    "Law",
    "Level",
    "Levels",
    "Member",
    "ModeErrors",
    "Moments",
    "Pareto",
    "Plane",
    "ProbeResult",
    "Program",
    "Ranking",
    "Recommendation",
    "Result",
    "Samples",
    "Schedules",
    "ScoreError",
    "Spectrum",
    "StepErrors",
    "Table",
    "Tuning",
    "Verification",
    "audit",
    "azula",
    "cite",
    "comfyui",
    "conditionings",
    "curve",
    "deepinv",
    "diffusers",
    "distance",
    "empirical",
    "evaluate",
    "export",
    "grids",
    "info",
    "inits",
    "kdiffusion",
    "metrics",
    "mixture",
    "modes",
    "networks",
    "objectives",
    "order",
    "output_law",
    "pareto",
    "plane",
    "probe",
    "processes",
    "rank",
    "recommend",
    "report",
    "sample",
    "samplers",
    "schedules",
    "score_error",
    "separable",
    "show",
    "simulate",
    "spectra",
    "steps",
    "table",
    "targets",
    "testing",
    "texture",
    "torch",
    "tune",
    "verify",
]

#: What is imported when it is asked for, because it is for other packages: modules, and names in
#: modules.
_LATER = {
    "Audit": "audit",
    "ScoreError": "_score_error",
    "audit": "audit",
    "azula": None,
    "comfyui": None,
    "dask": None,
    "deepinv": None,
    "diffusers": None,
    "kdiffusion": None,
    "ray": None,
    "score_error": "_score_error",
    "testing": None,
    "torch": None,
}


def __getattr__(name: str) -> _Any:
    if name not in _LATER:
        raise AttributeError(f"module 'gaussmeter' has no attribute '{name}'")
    module = _LATER[name]
    if module is None:
        return _import_module(f"{__name__}.{name}")
    found = getattr(_import_module(f"{__name__}.{module}"), name)
    # Importing a module sets its own name, which may be that of a function.
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
