"""The data: eigenvalues of their covariance, and where they come from."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._arrays import ArrayLike, as_numpy, floats
from ._errors import GaussmeterError, GaussmeterWarning, Interrupted
from ._native import Spectrum as NativeSpectrum
from ._progress import progress_bar
from ._reading import Layout, Method, Scale, raw, size

if TYPE_CHECKING:
    from typing_extensions import Self

#: Data for any question: a spectrum, the name of a preset (``"cifar10"``,
#: ``"power-law:d=3072,alpha=1.5"``), a path, or eigenvalues.
SpectrumLike = Any


_log = logging.getLogger("gaussmeter")


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

    _native: NativeSpectrum

    def __init__(self) -> None:
        raise TypeError(
            "a Spectrum is made by Spectrum.load, cifar10, from_eigenvalues, from_covariance, "
            "from_array, from_batches or from_images"
        )

    @classmethod
    def _of(cls, native: NativeSpectrum) -> Self:
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
        own = cls._of(_native.Spectrum._of_lists(values, weights, means, text, "given as an array"))
        return own._told()

    @classmethod
    def from_images(
        cls,
        *paths: str | os.PathLike[str],
        resize: int | tuple[int, int] | None = None,
        crop: int | tuple[int, int] | None = None,
        filter: Literal["nearest", "bilinear", "bicubic", "lanczos"] | None = None,
        channels: Literal["auto", "gray", "rgb", "rgba"] | None = None,
        scale: Scale | None = None,
        skip_bad: bool | None = None,
        array: str | None = None,
        kind: Literal["samples", "covariance", "eigenvalues"] | None = None,
        layout: Layout | None = None,
        split: Literal["auto", "train", "test", "all"] | None = None,
        samples_per_file: Literal["auto", "one", "rows"] | None = None,
        latents: Literal["auto", "mean", "all"] | None = None,
        suffix: str | None = None,
        method: Method | None = None,
        probes: int | None = None,
        passes: int | None = None,
        seed: int | None = None,
        basis: bool = False,
        centred: bool = False,
        memory: int | None = None,
        name: str | None = None,
        progress: bool | None = None,
    ) -> Self:
        """Make a spectrum of images, arrays or latents in files, folders and archives.

        Whatever ``gaussmeter spectrum`` reads: folders and archives of pictures, CIFAR, MNIST,
        parquet shards, ``.npy``, ``.npz``, ``.safetensors``, ``.pt``, statistics (mu and sigma),
        sums.

        Parameters
        ----------
        *paths : str or path
            Files, folders or archives, recognised by content.
        resize, crop : int or (int, int), optional
            Resize the shorter side, or to (height, width); then crop the centre.
        filter : str, optional
            Filter for ``resize``, as Pillow's of the same name.
        channels : str, optional
            Channels of images.
        scale : str or (float, float), optional
            Stored values to data: pixels to [−1, 1] by default, other numbers as stored.
        skip_bad : bool, optional
            Leave out damaged images, with a warning.
        array : str, optional
            The array, tensor or column to read, where a file has several.
        kind : str, optional
            What an array is; by default told by its shape.
        layout : str, optional
            Axes of images in arrays.
        split : str, optional
            Which part of a data set with a training and a test part.
        samples_per_file : str, optional
            Whether arrays in several files are one sample each.
        latents : str, optional
            What is read of latents that are stored as means and deviations.
        suffix : str, optional
            Read only files whose names end in this.
        method : str, optional
            How eigenvalues are found; by default by number and size of the samples.
        probes, passes, seed : int, optional
            Random vectors, passes and seed of ``method="lanczos"``.
        basis : bool
            Keep eigenvectors, to draw samples.
        centred : bool
            Leave out the mean.
        memory : int, optional
            Bytes that samples may take.
        name : str, optional
            A short name, for headings.
        progress : bool, optional
            Whether a bar of tqdm shows progress. By default it does on terminals and in notebooks.

        Returns
        -------
        Spectrum

        Raises
        ------
        GaussmeterError
            Files that are missing, damaged, not recognised, or do not fit each other.
        Interrupted
            As for :func:`gaussmeter.evaluate`.
        """
        if not paths:
            raise GaussmeterError("no files given", "name files, folders or archives")
        options = {
            "resize": size(resize),
            "crop": size(crop),
            "filter": filter,
            "channels": channels,
            "scale": scale,
            "skip_bad": skip_bad,
            "array": array,
            "kind": kind,
            "layout": layout,
            "split": split,
            "samples_per_file": samples_per_file,
            "latents": latents,
            "suffix": suffix,
            "method": method,
            "probes": probes,
            "passes": passes,
            "seed": seed,
            "basis": basis,
            "centred": centred,
            "memory": memory,
            "name": name,
        }
        files = [os.fspath(path) for path in paths]
        return run_solver(cls, progress, _native.spectrum_of_files, files, options)

    @classmethod
    def from_array(
        cls,
        samples: ArrayLike,
        *,
        scale: Scale | None = None,
        layout: Layout | None = None,
        method: Method | None = None,
        probes: int | None = None,
        passes: int | None = None,
        seed: int | None = None,
        basis: bool = False,
        centred: bool = False,
        memory: int | None = None,
        name: str | None = None,
        progress: bool | None = None,
    ) -> Self:
        """Make a spectrum of samples in memory.

        Parameters
        ----------
        samples : array_like, shape (n, d), (n, c, h, w) or (n, h, w, c)
            Samples along the first axis, of any numeric type. Sums over 8-bit values are exact.
        scale : str or (float, float), optional
            Stored values to data: 8-bit values to [−1, 1] by default, other numbers as stored.
        layout : str, optional
            Axes of images: channels last if that axis has 1, 3 or 4 entries, by default.
        method, probes, passes, seed, basis, centred, memory, name, progress
            As for :meth:`from_images`.

        Returns
        -------
        Spectrum

        Raises
        ------
        GaussmeterError
            No samples, values that are no finite numbers, or too many for the memory.

        Examples
        --------
        >>> import numpy as np
        >>> import gaussmeter as gm
        >>> x = np.array([[0.0, 1.0], [2.0, 1.0]])
        >>> gm.Spectrum.from_array(x).eigenvalues
        array([0., 1.])
        """
        options = {
            "scale": scale,
            "layout": layout,
            "method": method,
            "probes": probes,
            "passes": passes,
            "seed": seed,
            "basis": basis,
            "centred": centred,
            "memory": memory,
            "name": name,
        }
        return run_solver(
            cls, progress, _native.spectrum_of_array, *raw(samples, "samples"), options
        )

    @classmethod
    def from_batches(
        cls,
        batches: Iterable[Any],
        *,
        key: str | int | None = None,
        scale: Scale | None = None,
        layout: Layout | None = None,
        basis: bool = False,
        centred: bool = False,
        name: str | None = None,
        progress: bool | None = None,
    ) -> Self:
        """Make a spectrum of batches of samples, such as those of a data loader, in one pass.

        Parameters
        ----------
        batches : iterable of array_like
            Samples along the first axis of each. Of tuples and dicts one entry is taken.
        key : str or int, optional
            Which entry of a tuple or dict the samples are; by default the first of a tuple, and the
            only array of a dict.
        scale, layout
            As for :meth:`from_array`.
        basis, centred, name
            As for :meth:`from_images`.
        progress : bool, optional
            Whether a bar of tqdm counts samples.

        Returns
        -------
        Spectrum

        Raises
        ------
        GaussmeterError
            No samples, batches of different shapes or types, values that are not finite.

        Examples
        --------
        >>> import numpy as np
        >>> import gaussmeter as gm
        >>> batches = (np.full((10, 2), k, dtype=np.uint8) for k in range(256))
        >>> gm.Spectrum.from_batches(batches).dimension
        2.0
        """
        from ._moments import Moments

        moments = Moments(scale=scale, layout=layout, name=name or "batches")
        with progress_bar(progress) as bar:
            for batch in batches:
                moments.update(batch, key=key)
                if bar is not None:
                    bar("", "samples", moments.count, None)
        return moments._spectrum(cls, progress, basis=basis, centred=centred, name=name)

    @classmethod
    def from_covariance(
        cls,
        covariance: ArrayLike,
        mean: ArrayLike | None = None,
        *,
        basis: bool = False,
        centred: bool = False,
        name: str | None = None,
    ) -> Self:
        """Make a spectrum of a covariance, such as the statistics of an FID.

        Parameters
        ----------
        covariance : array_like, shape (d, d)
            Symmetric and positive semi-definite up to rounding, in squared data units.
        mean : array_like, shape (d,), optional
            Mean of the data; zero by default.
        basis, centred, name
            As for :meth:`from_images`.

        Returns
        -------
        Spectrum

        Raises
        ------
        GaussmeterError
            Another shape, not symmetric, not positive semi-definite, or not finite.

        Examples
        --------
        >>> import gaussmeter as gm
        >>> gm.Spectrum.from_covariance([[2.0, 1.0], [1.0, 2.0]]).eigenvalues.round(12)
        array([1., 3.])
        """
        array = as_numpy(covariance, "covariance")
        is_single = array.dtype.kind == "f" and array.dtype.itemsize < 8
        values = floats(array, "covariance", 2)
        means = None if mean is None else floats(mean, "mean")
        options = {"basis": basis, "centred": centred, "name": name}
        return _solved(cls, _native.spectrum_of_covariance(values, means, is_single, options))

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
    # Of a law that is not Gaussian, the Gaussian of the whole.
    whole = getattr(spectrum, "gaussian", None)
    if isinstance(whole, Spectrum):
        return whole._native
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


Own = TypeVar("Own", bound=Spectrum)


def _solved(cls: type[Own], found: tuple[Any, list[str], str | None]) -> Own:
    """A spectrum, after what is to be said about how data were read."""
    native, notes, left_out = found
    for note in notes:
        _log.info(note)
    own = cls._of(native)
    for notice in [left_out, *native.notices]:
        if notice is not None:
            warnings.warn(f"{own.name}: {notice}", GaussmeterWarning, stacklevel=4)
    return own


def run_solver(cls: type[Own], progress: bool | None, make: Any, *arguments: Any) -> Own:
    """Find a spectrum, with progress; what is found after an interrupt is wrapped too."""
    try:
        with progress_bar(progress) as bar:
            return _solved(cls, make(*arguments, progress=bar))
    except Interrupted as interrupted:
        interrupted._wrap = lambda found: _solved(cls, found)
        raise
