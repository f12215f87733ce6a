"""Sums over samples that can be merged."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._native import Moments as NativeMoments
from ._reading import Layout, Scale, batch_of, raw
from ._spectrum import Own, Spectrum, run_solver


class Moments:
    """Sums over samples that can be taken in parts, sent to other processes, and added up.

    Sums over 8-bit values are exact: the spectrum has the same bits whatever the batches, their
    order, and the number of workers. Sums over other values are taken in 64-bit floats, and depend
    on the order in their last bits.

    Parameters
    ----------
    scale, layout
        As for :meth:`Spectrum.from_array`.
    name : str
        What the samples are.

    Examples
    --------
    >>> import numpy as np
    >>> import gaussmeter as gm
    >>> x = np.random.default_rng(0).integers(0, 256, (100, 3), dtype=np.uint8)
    >>> parts = [gm.Moments().update(part) for part in np.array_split(x, 4)]
    >>> spectrum = sum(parts[1:], parts[0]).spectrum()
    >>> bool((spectrum.eigenvalues == gm.Moments().update(x).spectrum().eigenvalues).all())
    True
    """

    __slots__ = ("_native", "_options")

    _native: NativeMoments
    _options: dict[str, Any]

    def __init__(
        self,
        *,
        scale: Scale | None = None,
        layout: Layout | None = None,
        name: str = "samples",
    ) -> None:
        self._options = {"scale": scale, "layout": layout}
        self._native = NativeMoments(name, self._options)

    def update(self, batch: Any, *, key: str | int | None = None) -> Moments:
        """Add a batch of samples.

        Parameters
        ----------
        batch : array_like, tuple or dict
            Samples along the first axis.
        key : str or int, optional
            Which entry of a tuple or dict the samples are.

        Returns
        -------
        Moments
            The same object.

        Raises
        ------
        GaussmeterError
            Samples of another shape or type than those before, or values that are not finite; the
            sums are then as they were.
        Interrupted
            At once; the batch is still added.
        """
        self._native.update(*raw(batch_of(batch, key), "batch"))
        return self

    @property
    def count(self) -> int:
        """Number of samples."""
        return self._native.count

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Shape of a sample, slowest axis first; None before the first."""
        shape = self._native.shape
        return None if shape is None else tuple(shape)

    @property
    def is_exact(self) -> bool | None:
        """Whether the sums are exact: those over 8-bit values are. None before the first sample."""
        return self._native.is_exact

    def mean(self) -> NDArray[np.float64]:
        """Mean of the samples, in data units, of the shape of a sample."""
        return self._native.mean().reshape(self.shape)

    def spectrum(
        self,
        *,
        basis: bool = False,
        centred: bool = False,
        name: str | None = None,
        progress: bool | None = None,
    ) -> Spectrum:
        """The spectrum of the covariance of the samples so far.

        Parameters
        ----------
        basis, centred, name, progress
            As for :meth:`Spectrum.from_images`.

        Returns
        -------
        Spectrum

        Raises
        ------
        GaussmeterError
            No samples.
        """
        return self._spectrum(Spectrum, progress, basis=basis, centred=centred, name=name)

    def _spectrum(self, cls: type[Own], progress: bool | None, **options: Any) -> Own:
        return run_solver(cls, progress, self._native.spectrum, options)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the sums to an ``.npz`` file, which ``gaussmeter merge`` reads too.

        Parameters
        ----------
        path : str or path
            Where they go.
        """
        self._native.save(os.fspath(path))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Moments:
        """Read what :meth:`save` or ``gaussmeter spectrum --part`` wrote.

        Parameters
        ----------
        path : str or path
            The file.

        Returns
        -------
        Moments
        """
        own = cls()
        own._native = own._native.loaded(os.fspath(path))
        return own

    def __add__(self, other: object) -> Moments:
        if not isinstance(other, Moments):
            return NotImplemented
        own = object.__new__(Moments)
        own._options = self._options
        own._native = self._native.merged(other._native)
        return own

    def __radd__(self, other: object) -> Moments:
        # The start of sum().
        return self if other == 0 else NotImplemented

    def __reduce__(self) -> Any:
        return _moments, (self._native.name, self._options, self._native.state())

    def __repr__(self) -> str:
        exact = {True: ", exact", False: "", None: ""}[self.is_exact]
        return f"<Moments {self._native.name}: {self.count} samples of shape {self.shape}{exact}>"


def _moments(name: str, options: dict[str, Any], state: bytes | None) -> Moments:
    own = Moments(**options, name=name)
    if state is not None:
        own._native = own._native.of_state(state)
    return own
