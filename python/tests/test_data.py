"""Data in memory: types, devices, batches, sums."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import gaussmeter as gm
import numpy as np
import pytest


class WithArray:
    """Has __array__ only."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.asarray(self.values, dtype=dtype)


class WithDlpack:
    """Has __dlpack__ only."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def __dlpack__(self, **options: Any) -> Any:
        return self.values.__dlpack__()

    def __dlpack_device__(self) -> Any:
        return self.values.__dlpack_device__()


class Tensor:
    """As tensors that need a gradient, or are on a device: no __array__ before detach and cpu."""

    def __init__(self, values: Any, is_here: bool = False) -> None:
        self.values, self.is_here = values, is_here

    def detach(self) -> Tensor:
        return Tensor(self.values)

    def cpu(self) -> Tensor:
        return Tensor(self.values, True)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if not self.is_here:
            raise TypeError("on another device")
        return np.asarray(self.values, dtype=dtype)


SAMPLES = np.random.default_rng(0).normal(size=(50, 4))


@pytest.mark.parametrize(
    "samples",
    [
        WithArray(SAMPLES),
        WithDlpack(SAMPLES.copy()),
        Tensor(SAMPLES),
        SAMPLES.tolist(),
        np.asfortranarray(SAMPLES),
        SAMPLES.astype(">f8"),
        SAMPLES[:, ::-1][:, ::-1],
        np.concatenate([SAMPLES, SAMPLES])[:50],
    ],
    ids=["array", "dlpack", "tensor", "list", "fortran", "big-endian", "strided", "slice"],
)
def test_arrays_of_all_kinds(samples: Any) -> None:
    expected = gm.Spectrum.from_array(SAMPLES)
    assert (gm.Spectrum.from_array(samples).eigenvalues == expected.eigenvalues).all()
    exact = np.linalg.eigvalsh(np.cov(SAMPLES.T, bias=True))
    assert expected.eigenvalues == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint16", "int32", "int64", "float16", "float32", "longdouble"]
)
def test_numbers_of_all_types(dtype: str) -> None:
    values = np.random.default_rng(1).integers(0, 2 if dtype == "bool" else 100, (60, 3))
    found = gm.Spectrum.from_array(values.astype(dtype), scale="none")
    expected = np.linalg.eigvalsh(np.cov(values.T.astype(float), bias=True))
    assert found.eigenvalues == pytest.approx(expected, rel=1e-12)


def test_pixels_are_scaled_and_channels_come_first() -> None:
    values = np.random.default_rng(2).integers(0, 256, (30, 4, 5, 3), dtype=np.uint8)
    last, first = (
        gm.Spectrum.from_array(values),
        gm.Spectrum.from_array(np.moveaxis(values, -1, 1)),
    )
    assert (last.eigenvalues == first.eigenvalues).all()
    data = values.reshape(30, -1) / 127.5 - 1
    expected = np.linalg.eigvalsh(np.cov(data.T, bias=True))
    assert last.eigenvalues[-5:] == pytest.approx(expected[-5:], rel=1e-10)
    assert gm.Spectrum.from_array(values, scale="unit").trace == pytest.approx(last.trace / 4)
    shifted = gm.Spectrum.from_array(values, scale=(2.0 / 255, 4.0))
    assert shifted.trace == pytest.approx(last.trace)
    centred = gm.Spectrum.from_array(values, centred=True)
    assert centred.mean is None and last.mean is not None


def test_few_samples_of_many_dimensions() -> None:
    values = np.random.default_rng(3).normal(size=(8, 1000))
    spectrum = gm.Spectrum.from_array(values)
    assert (spectrum.null_dimension, spectrum.dimension) == (993.0, 1000.0)


def test_covariances() -> None:
    covariance = np.cov(SAMPLES.T, bias=True)
    mean = SAMPLES.mean(axis=0)
    own = gm.Spectrum.from_covariance(covariance, mean, basis=True)
    other = gm.Spectrum.from_array(SAMPLES)
    assert own.eigenvalues == pytest.approx(other.eigenvalues, rel=1e-12)
    assert own.mean is not None and other.mean is not None
    assert np.abs(own.mean) == pytest.approx(np.abs(other.mean), rel=1e-9)
    assert own.has_basis
    single = gm.Spectrum.from_covariance(covariance.astype(np.float32))
    assert single.eigenvalues == pytest.approx(own.eigenvalues, rel=1e-5)


def _sums(part: Any) -> gm.Moments:
    return gm.Moments().update(part)


def test_sums_over_bytes_are_the_same_for_any_number_of_workers() -> None:
    values = np.random.default_rng(4).integers(0, 256, (5000, 3, 2, 5), dtype=np.uint8)
    whole = gm.Moments().update(values).spectrum()
    parts = np.array_split(values, 7)
    context = __import__("multiprocessing").get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as workers:
        sums = list(workers.map(_sums, parts))
    for order in (sums, sums[::-1]):
        found = sum(order[1:], order[0])
        assert found.count == 5000 and found.is_exact and found.shape == (3, 2, 5)
        assert (found.spectrum().eigenvalues == whole.eigenvalues).all()
        assert found.mean() == pytest.approx(values.mean(axis=0) / 127.5 - 1, rel=1e-12)
    assert (sum(sums).spectrum().eigenvalues == whole.eigenvalues).all()


def test_sums(tmp_path: Path) -> None:
    empty = gm.Moments(name="nothing yet")
    assert (empty.count, empty.shape, empty.is_exact) == (0, None, None)
    sent = pickle.loads(pickle.dumps(empty))
    assert (sent.count, repr(sent)) == (0, repr(empty))
    own = empty + gm.Moments().update(SAMPLES)
    assert own.count == 50 and empty.count == 0 and own.is_exact is False
    own.save(tmp_path / "sums.npz")
    other = gm.Moments.load(tmp_path / "sums.npz")
    assert (other.spectrum().eigenvalues == own.spectrum().eigenvalues).all()
    with pytest.raises(gm.GaussmeterError):
        own.update(np.full((2, 4), np.nan))
    with pytest.raises(gm.GaussmeterError):
        own.update(np.zeros((2, 4), np.uint8))
    assert own.count == 50
    with pytest.raises(gm.GaussmeterError, match="scale"):
        _ = gm.Moments(scale="unit").update(np.zeros((2, 4), np.uint8)) + gm.Moments().update(
            np.zeros((2, 4), np.uint8)
        )
    with pytest.raises(TypeError):
        _ = own + 3  # type: ignore[operator]


def test_batches_of_loaders() -> None:
    values = np.random.default_rng(5).integers(0, 256, (64, 3, 4, 4), dtype=np.uint8)
    labels = np.zeros(64)
    expected = gm.Spectrum.from_array(values).eigenvalues
    halves = (slice(0, 32), slice(32, 64))
    for batches, key in (
        ([(values[h], labels[h]) for h in halves], None),
        ([[values[h], labels[h]] for h in halves], None),
        ([{"image": values[h], "label": labels[h]} for h in halves], None),
        ([{"image": values[h], "mask": values[h] * 0} for h in halves], "image"),
        ([(labels[h], values[h]) for h in halves], 1),
    ):
        found = gm.Spectrum.from_batches(iter(batches), key=key)
        assert (found.eigenvalues == expected).all()
