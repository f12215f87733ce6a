"""The exact law of any sampling code, by running it once on a batch of unit vectors."""

from .convention import Convention, convention, discrete_levels, preconditioned
from .core import probe
from .result import Asked, Interval, ProbeResult, StatePoint

__all__ = [
    "Asked",
    "Convention",
    "Interval",
    "ProbeResult",
    "StatePoint",
    "convention",
    "discrete_levels",
    "preconditioned",
    "probe",
]
