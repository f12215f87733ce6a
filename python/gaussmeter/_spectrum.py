"""The data: eigenvalues of their covariance, and where they come from."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._arrays import ArrayLike, floats
from ._errors import GaussmeterError, GaussmeterWarning

if TYPE_CHECKING:
    from typing_extensions import Self

#: Data for any question: a spectrum, the name of a preset (``"cifar10"``,
#: ``"power-law:d=3072,alpha=1.5"``), a path, or eigenvalues.
SpectrumLike = Any


class Spectrum:
    """The data law N(mean, Σ), reduced to the eigenvalues of Σ.

    Made by :meth:`load`, :meth:`cifar10`, :meth:`from_eigenvalues`, :meth:`from_covariance`,
    :meth:`from_array`, :meth:`from_batches` and :meth:`from_images`. Equal eigenvalues with equal
    means are one mode with a multiplicity; modes are sorted by eigenvalue, the smallest first.

    Examples
    --------
    >>> import gaussmeter as gm
    >>> spectrum = gm.Spectrum.from_eigenvalues([1.0, 0.25, 0.25])
    >>> spectrum.eigenvalues, spectrum.multiplicities, spectrum.dimension
    (array([0.25, 1.  ]), array([2., 1.]), 3.0)
    """

    __slots__ = ("_native", "__weakref__")

    _native: _native.Spectrum

    def __init__(self) -> None:
        raise TypeError(
            "a Spectrum is made by Spectrum.load, cifar10, from_eigenvalues, from_covariance, "
            "from_array, from_batches or from_images"
        )

    @classmethod
    def _of(cls, native: _native.Spectrum) -> Self:
        own = object.__new__(cls)
        own._native = native
        return own

    @classmethod
    def load(cls, spectrum: str | os.PathLike[str]) -> Self:
        """Read a file of eigenvalues, or make a preset.

        Parameters
        ----------
        spectrum : str or path
            A file (``.npy``, ``.npz``, ``.csv``, ``.txt``, ``.json``) or the name of a preset with
            its parameters, such as ``"cifar10"`` or ``"power-law:d=3072,alpha=1.5"`` (see
            :data:`gaussmeter.spectra`).

        Returns
        -------
        Spectrum

        Raises
        ------
        GaussmeterError
            No such file or preset, or numbers that are no eigenvalues of a covariance.
        """
        own = cls._of(_native.Spectrum._load(os.fspath(spectrum)))
        return own._told()

    @classmethod
    def cifar10(cls) -> Self:
        """The spectrum of CIFAR-10: 3072 eigenvalues, centred, pixels in [−1, 1]."""
        return cls.load("cifar10")

    @classmethod
    def from_eigenvalues(
        cls,
        eigenvalues: ArrayLike,
        multiplicities: ArrayLike | None = None,
        mean: ArrayLike | None = None,
        *,
        name: str | None = None,
    ) -> Self:
        """Make a spectrum of eigenvalues.

        Parameters
        ----------
        eigenvalues : array_like, shape (n,)
            Eigenvalues of Σ in squared data units, in any order. Small negative ones, as rounding
            leaves them, become zero with a warning.
        multiplicities : array_like, shape (n,), optional
            How many eigenvectors share each; positive, also fractional. One each by default.
        mean : array_like, shape (n,), optional
            Mean of the data along each eigenvector, in data units. Zero by default.
        name : str, optional
            A short name, for headings.

        Returns
        -------
        Spectrum

        Raises
        ------
        GaussmeterError
            Lists of different lengths, NaN, or values that are no eigenvalues of a covariance.
        """
        values = floats(eigenvalues, "eigenvalues")
        weights = None if multiplicities is None else floats(multiplicities, "multiplicities")
        means = None if mean is None else floats(mean, "mean")
        text = f"{len(values)} eigenvalues" if name is None else name
        own = cls._of(
            _native.Spectrum._of_lists(values, weights, means, text, "given as an array")
        )
        return own._told()

    @property
    def eigenvalues(self) -> NDArray[np.float64]:
        """Distinct eigenvalues λ ≥ 0, the smallest first, shape (m,), in squared data units."""
        return self._native.eigenvalues

    @property
    def multiplicities(self) -> NDArray[np.float64]:
        """How many eigenvectors have each eigenvalue, shape (m,)."""
        return self._native.multiplicities

    @property
    def mean(self) -> NDArray[np.float64] | None:
        """Mean of the data along each eigenvector, shape (m,); None if it is zero."""
        return self._native.mean

    @property
    def dimension(self) -> float:
        """Dimension of the data: the sum of multiplicities."""
        return self._native.dimension

    @property
    def null_dimension(self) -> float:
        """Dimension of the null space of Σ."""
        return self._native.null_dimension

    @property
    def trace(self) -> float:
        """Total variance, tr Σ, in squared data units."""
        return self._native.trace

    @property
    def name(self) -> str:
        """A short name, for headings."""
        return self._native.name

    @property
    def provenance(self) -> str:
        """Where the numbers come from, in one line."""
        return self._native.provenance

    @property
    def notices(self) -> list[str]:
        """What users should know about the data."""
        return self._native.notices

    @property
    def has_basis(self) -> bool:
        """Whether eigenvectors are known, so that samples can be drawn."""
        return self._native.has_basis

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an ``.npz`` file that :meth:`load` and the command line read.

        Parameters
        ----------
        path : str or path
            Where it goes. Eigenvectors are written too, if there are any.
        """
        self._native.save(os.fspath(path))

    def _told(self) -> Self:
        """The same, after its notices have been told as warnings."""
        for notice in self._native.notices:
            warnings.warn(f"{self.name}: {notice}", GaussmeterWarning, stacklevel=3)
        return self

    def __len__(self) -> int:
        return len(self._native)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Spectrum):
            return NotImplemented
        return self._native == other._native

    def __hash__(self) -> int:
        return hash(self._native)

    def __reduce__(self) -> Any:
        restore, arguments = self._native.__reduce__()
        return _restore, (type(self), arguments)

    def __repr__(self) -> str:
        modes = f"{len(self)} distinct" if len(self) != self.dimension else "all distinct"
        return f"<Spectrum {self.name}: dimension {self.dimension:g}, {modes}>"


def _restore(cls: type[Spectrum], arguments: tuple[Any, ...]) -> Spectrum:
    return cls._of(_native.Spectrum._restore(*arguments))


def native_data(spectrum: SpectrumLike) -> Any:
    """What the native module takes for data."""
    if spectrum is None:
        return None
    if isinstance(spectrum, Spectrum):
        return spectrum._native
    if isinstance(spectrum, _native.Spectrum):
        return spectrum
    if isinstance(spectrum, (str, os.PathLike)):
        return Spectrum.load(spectrum)._native
    try:
        return Spectrum.from_eigenvalues(spectrum)._native
    except GaussmeterError as error:
        raise GaussmeterError(
            f"spectrum: {error}",
            error.hint or "give a Spectrum, the name of a preset, a path or eigenvalues",
        ) from None


def as_spectrum(spectrum: SpectrumLike) -> Spectrum:
    """Read data in any form as a spectrum.

    Parameters
    ----------
    spectrum : Spectrum, str, path or array_like
        A spectrum, the name of a preset, a file, or eigenvalues.

    Returns
    -------
    Spectrum
    """
    if isinstance(spectrum, Spectrum):
        return spectrum
    return Spectrum._of(native_data("cifar10" if spectrum is None else spectrum))
