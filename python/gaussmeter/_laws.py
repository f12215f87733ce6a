"""Laws of data that are not Gaussian, whose network is exact all the same; textures."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from . import _native
from ._arrays import ArrayLike
from ._errors import GaussmeterError, Interrupted
from ._progress import progress_bar
from ._reading import Layout, Scale, raw, size
from ._results import Result
from ._spectrum import Spectrum

#: Samples in memory, or paths of files, folders and archives.
Data = Any


class DataLaw(Result):
    """A law that is not Gaussian: :func:`verify` tries samplers on it.

    Made by :func:`mixture`, :func:`empirical` and :func:`separable`. Its text is the table of the
    command of that name.
    """

    def __init__(self, report: Any, content: bytes) -> None:
        super().__init__(report)
        self._content = content

    def save_law(self, path: str | os.PathLike[str]) -> None:
        """Write the law to an ``.npz`` file, which the command line takes too.

        Parameters
        ----------
        path : str or path
            Where it goes. Every function takes the file as the Gaussian of the whole.
        """
        if not os.fspath(path).lower().endswith(".npz"):
            raise GaussmeterError(f"{os.fspath(path)}: laws are .npz files", "rename the file")
        with open(path, "wb") as file:
            file.write(self._content)

    @property
    def gaussian(self) -> Spectrum:
        """The Gaussian of the whole: the spectrum with mean and covariance of the law."""
        with self._file() as path:
            return Spectrum.load(path)

    @contextmanager
    def _file(self) -> Iterator[str]:
        """A file of the law, for what reads files."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "law.npz")
            self.save_law(path)
            yield path

    def __reduce__(self) -> Any:
        _, (report,) = super().__reduce__()
        return DataLaw, (report, self._content)


def mixture(
    *data: Data,
    clusters: int | None = None,
    labels: str | None = None,
    seed: int | None = None,
    scale: Scale | None = None,
    layout: Layout | None = None,
    resize: int | tuple[int, int] | None = None,
    crop: int | tuple[int, int] | None = None,
    memory: int | None = None,
    name: str | None = None,
    progress: bool | None = None,
) -> DataLaw:
    """A Gaussian per class of labelled files, or per cluster of any data.

    Parameters
    ----------
    *data : array_like, or paths
        Samples along the first axis of one array, or files, folders and archives.
    clusters : int, optional
        As many clusters by k-means, whatever the data say of classes. Arrays need it.
    labels : str, optional
        The column or list of the files that holds the classes.
    seed : int, optional
        Seed of the clusters.
    scale, layout, resize, crop, memory, name, progress
        As for :meth:`Spectrum.from_images`.

    Returns
    -------
    DataLaw

    Raises
    ------
    GaussmeterError
        Data without classes, classes of too few samples, files that cannot be read.
    Interrupted
        As for :func:`evaluate`.

    Examples
    --------
    >>> import numpy as np
    >>> import gaussmeter as gm
    >>> x = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([[-5.0], [5.0]], 30, axis=0)
    >>> law = gm.mixture(x, clusters=2)
    >>> gm.verify(law, "ddim", grid="karras", steps=3, starts=8).checks[0]["nfe"]
    3
    """
    options = {
        "scale": scale,
        "layout": layout,
        "resize": size(resize),
        "crop": size(crop),
        "memory": memory,
        "name": name,
    }
    return _law("mixture", data, options, clusters, seed, labels, progress)


def empirical(
    *data: Data,
    samples: int | None = None,
    seed: int | None = None,
    scale: Scale | None = None,
    layout: Layout | None = None,
    resize: int | tuple[int, int] | None = None,
    crop: int | tuple[int, int] | None = None,
    memory: int | None = None,
    name: str | None = None,
    progress: bool | None = None,
) -> DataLaw:
    """The data set itself as a law, whose exact network has learnt it by heart.

    Parameters
    ----------
    *data : array_like, or paths
        Samples along the first axis of one array, or files, folders and archives.
    samples : int, optional
        As many of the samples, at random; by default all.
    seed : int, optional
        Seed of the choice.
    scale, layout, resize, crop, memory, name, progress
        As for :meth:`Spectrum.from_images`.

    Returns
    -------
    DataLaw

    Raises
    ------
    GaussmeterError, Interrupted
        As for :func:`mixture`.
    """
    options = {
        "scale": scale,
        "layout": layout,
        "resize": size(resize),
        "crop": size(crop),
        "memory": memory,
        "name": name,
    }
    return _law("empirical", data, options, samples, seed, None, progress)


def separable(
    *data: Data,
    samples: int | None = None,
    seed: int | None = None,
    scale: Scale | None = None,
    layout: Layout | None = None,
    resize: int | tuple[int, int] | None = None,
    crop: int | tuple[int, int] | None = None,
    memory: int | None = None,
    name: str | None = None,
    progress: bool | None = None,
) -> DataLaw:
    """Independent coordinates along the eigenvectors of the data, fitted by mixtures on the line.

    Parameters
    ----------
    *data : array_like, or paths
        Samples along the first axis of one array, or files, folders and archives.
    samples, seed, scale, layout, resize, crop, memory, name, progress
        As for :func:`empirical`.

    Returns
    -------
    DataLaw

    Raises
    ------
    GaussmeterError, Interrupted
        As for :func:`mixture`.
    """
    options = {
        "scale": scale,
        "layout": layout,
        "resize": size(resize),
        "crop": size(crop),
        "memory": memory,
        "name": name,
    }
    return _law("separable", data, options, samples, seed, None, progress)


def _law(
    kind: str,
    data: Sequence[Data],
    options: dict[str, Any],
    number: int | None,
    seed: int | None,
    labels: str | None,
    progress: bool | None,
) -> DataLaw:
    paths = [os.fspath(path) for path in data if isinstance(path, (str, os.PathLike))]
    given: Any
    if paths and len(paths) == len(data):
        given = paths
    elif len(data) == 1:
        given = _array(data[0])
    else:
        raise GaussmeterError(f"{kind}: one array of samples, or paths, are needed")

    def wrap(found: Any) -> DataLaw:
        return DataLaw(*found)

    try:
        with progress_bar(progress) as bar:
            return wrap(
                _native.law_of_data(kind, given, options, number, seed, labels, progress=bar)
            )
    except Interrupted as interrupted:
        interrupted._wrap = wrap
        raise


def _array(samples: ArrayLike) -> Any:
    return raw(samples, "samples")


def texture(
    path: str | os.PathLike[str],
    *,
    periodic: bool = False,
    centred: bool = False,
    scale: Scale | None = None,
    resize: int | tuple[int, int] | None = None,
    crop: int | tuple[int, int] | None = None,
    name: str | None = None,
) -> Spectrum:
    """The texture model (asymptotic discrete spot noise) of a picture, to sample from.

    Parameters
    ----------
    path : str or path
        A picture.
    periodic : bool
        Take the periodic component first.
    centred : bool
        Leave out the mean.
    scale, resize, crop, name
        As for :meth:`Spectrum.from_images`.

    Returns
    -------
    Spectrum

    Raises
    ------
    GaussmeterError
        No picture, or one that is too large.
    """
    options = {
        "centred": centred,
        "scale": scale,
        "resize": size(resize),
        "crop": size(crop),
        "name": name,
    }
    return Spectrum._of(_native.texture_of_picture(os.fspath(path), options, periodic))
