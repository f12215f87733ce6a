"""Sums on a device of PyTorch have the bits of those on the host."""

from __future__ import annotations

import gaussmeter as gm
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")


@pytest.mark.parametrize("shape", [(7,), (3, 5, 4), (5, 4, 3), (3, 3, 3), (1, 20, 20)])
def test_the_same_bits_as_on_the_host(shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (2500, *shape), dtype=np.uint8)
    # As far from the centre as can be, so that float32 is filled.
    pixels[:1100, ..., 0] = 0
    host, device = gm.Moments(), gm.torch.Moments()
    for part in np.array_split(pixels, 3):
        host.update(part)
        device.update(torch.from_numpy(part))
    assert device.count == host.count == 2500
    found = device.moments()
    assert found.is_exact and found.shape == host.shape
    assert np.array_equal(found.mean(), host.mean())
    ours, theirs = found.spectrum(basis=True), host.spectrum(basis=True)
    assert np.array_equal(ours.eigenvalues, theirs.eigenvalues)
    assert np.array_equal(ours.mean, theirs.mean)
    assert np.array_equal(device.spectrum().eigenvalues, theirs.eigenvalues)
    # And they add up with others.
    assert (found + host).count == 5000


@pytest.mark.parametrize("precision", ["highest", "high", "medium"])
def test_whatever_precision_is_asked_for(precision: str) -> None:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        pixels = torch.randint(0, 256, (1500, 40), dtype=torch.uint8)
        found = gm.torch.Moments().update(pixels).spectrum()
    finally:
        torch.set_float32_matmul_precision(before)
    assert np.array_equal(
        found.eigenvalues, gm.Moments().update(pixels.numpy()).spectrum().eigenvalues
    )


def test_layouts_and_refusals() -> None:
    pixels = torch.randint(0, 256, (50, 4, 4, 4), dtype=torch.uint8)
    for layout in ("chw", "hwc"):
        ours = gm.torch.Moments(layout=layout).update(pixels).moments()
        theirs = gm.Moments(layout=layout).update(pixels.numpy())
        assert np.array_equal(ours.mean(), theirs.mean())
    sums = gm.torch.Moments("cpu")
    with pytest.raises(gm.GaussmeterError, match="no samples"):
        sums.moments()
    with pytest.raises(gm.GaussmeterError, match="uint8"):
        sums.update(pixels.float())
    sums.update(pixels)
    with pytest.raises(gm.GaussmeterError, match="after samples of shape"):
        sums.update(pixels[:, :2])
    assert sums.count == 50 and "int64" in sums.how
