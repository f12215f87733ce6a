"""The law of an output, mode by mode."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._arrays import ArrayLike, floats
from ._native import Law as NativeLaw
from ._spectrum import Spectrum, SpectrumLike, as_spectrum


class Law:
    """A Gaussian law N(m, diag v) in the eigenbasis of the data's covariance, beside the data law.

    All arrays have one entry per mode of the spectrum, in its order, shape (m,). Distances are to
    the data law; infinite ones are ``inf``, with the reason in :attr:`infinite`.

    Examples
    --------
    >>> import gaussmeter as gm
    >>> data = gm.Spectrum.from_eigenvalues([1.0, 4.0])
    >>> law = gm.Law.from_modes(data, gain=[0.0, 0.0], mean=[0.0, 0.0], variance=[1.0, 1.0])
    >>> law.w2
    1.0
    """

    __slots__ = ("_native",)

    _native: NativeLaw

    def __init__(self) -> None:
        raise TypeError("a Law is made by Law.from_modes or output_law, or is part of a result")

    @classmethod
    def _of(cls, native: NativeLaw) -> Law:
        own = object.__new__(cls)
        own._native = native
        return own

    @classmethod
    def from_modes(
        cls, spectrum: SpectrumLike, gain: ArrayLike, mean: ArrayLike, variance: ArrayLike
    ) -> Law:
        """Make a law of numbers per mode.

        Parameters
        ----------
        spectrum : Spectrum, str or path
            The data, with m modes.
        gain : array_like, shape (m,)
            Coefficient of the initial state.
        mean : array_like, shape (m,)
            Mean, in data units.
        variance : array_like, shape (m,)
            Variance along one eigenvector of each mode, in squared data units; may be infinite.

        Returns
        -------
        Law

        Raises
        ------
        GaussmeterError
            Another number of values, NaN, or a negative variance.
        """
        data = as_spectrum(spectrum)
        lists = (floats(gain, "gain"), floats(mean, "mean"), floats(variance, "variance"))
        return cls._of(_native.Law._from_modes(data._native, *lists))

    @property
    def spectrum(self) -> Spectrum:
        """The data."""
        return Spectrum._of(self._native._spectrum)

    @property
    def eigenvalues(self) -> NDArray[np.float64]:
        """Eigenvalue λ of each mode, in squared data units."""
        return self._native.eigenvalues

    @property
    def multiplicities(self) -> NDArray[np.float64]:
        """Multiplicity of each mode."""
        return self._native.multiplicities

    @property
    def gain(self) -> NDArray[np.float64]:
        """Coefficient of the initial state in the output."""
        return self._native.gain

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean of the output, in data units."""
        return self._native.mean

    @property
    def variance(self) -> NDArray[np.float64]:
        """Variance of the output, in squared data units."""
        return self._native.variance

    @property
    def mean_error(self) -> NDArray[np.float64]:
        """Mean of the output minus that of the data."""
        return self._native.mean_error

    @property
    def variance_error(self) -> NDArray[np.float64]:
        """Variance of the output minus that of the data, without cancellation where it is known."""
        return self._native.variance_error

    @property
    def contribution(self) -> NDArray[np.float64]:
        """What each mode adds to the square of W2, multiplicity included."""
        return self._native.contribution

    @property
    def metrics(self) -> dict[str, float]:
        """Every metric of the library by its key, such as ``w2`` and ``kl_forward``."""
        return self._native.metrics

    @property
    def w2(self) -> float:
        """Wasserstein-2 distance to the data, in data units."""
        return self._native._metric("w2")

    @property
    def w2_mean(self) -> float:
        """The part of W2 that is due to the mean: w2² = w2_mean² + w2_cov²."""
        return self.metrics["w2_mean"]

    @property
    def w2_cov(self) -> float:
        """The part of W2 that is due to the covariance."""
        return self.metrics["w2_cov"]

    @property
    def kl_forward(self) -> float:
        """KL(data ‖ output), in nats."""
        return self._native._metric("kl_forward")

    @property
    def kl_reverse(self) -> float:
        """KL(output ‖ data), in nats."""
        return self._native._metric("kl_reverse")

    @property
    def trace_error(self) -> float:
        """Relative error of the total variance, tr V / tr Σ − 1."""
        return self._native._metric("trace_error")

    @property
    def infinite(self) -> str | None:
        """Why it is infinite, if it is."""
        return self._native.infinite

    def __len__(self) -> int:
        return len(self._native)

    def __repr__(self) -> str:
        return f"<Law on {self.spectrum.name}: {len(self)} modes, W2 = {self.w2:.6g}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.spectrum, self._native._state())


def _restore(spectrum: Spectrum, state: object) -> Law:
    return Law._of(_native.Law._restore(spectrum._native, state))
