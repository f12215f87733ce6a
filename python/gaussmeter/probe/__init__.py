"""The exact law of any sampling code, by running it once on a batch of unit vectors."""

from .convention import Convention, convention, discrete_levels, preconditioned
from .core import Traced, probe, trace
from .result import Asked, Interval, ProbeResult, Runs, StatePoint

__all__ = [
    "Asked",
    "Convention",
    "Interval",
    "ProbeResult",
    "Runs",
    "StatePoint",
    "Traced",
    "convention",
    "discrete_levels",
    "preconditioned",
    "probe",
    "trace",
]
