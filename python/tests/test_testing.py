"""``gaussmeter.testing``: what it lets pass, and what its messages say."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import gaussmeter as gm
import numpy as np
import probe_samplers as code
import pytest
from gaussmeter import testing

LEVELS = np.append(testing.karras(20), 0.0)


def heun(denoiser: Any, x: np.ndarray, levels: np.ndarray) -> np.ndarray:
    for sigma, after in pairwise(levels):
        slope = (x - denoiser(x, sigma)) / sigma
        euler_x = x + (after - sigma) * slope
        x = x + (after - sigma) * (slope + (euler_x - denoiser(euler_x, after)) / after) / 2
    return x


def noisy(denoiser: Any, x: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Noise that is never removed."""
    for sigma, after in pairwise(levels):
        x = x + (after - sigma) * (x - denoiser(x, sigma)) / sigma
        x = x + 0.3 * np.sqrt(sigma**2 - after**2) * np.random.randn(*x.shape)
    return x


def test_orders_are_measured() -> None:
    testing.assert_order(code.euler, 1)
    testing.assert_order(heun, 2)
    testing.assert_converges(heun)
    with pytest.raises(
        AssertionError, match=r"euler: order 1\.0\d, not 2.*at 256 steps.*eigenvalue"
    ):
        testing.assert_order(code.euler, 2)


def test_a_rule_that_tends_to_something_else() -> None:
    with pytest.raises(
        AssertionError, match="does not converge to the data.*512 steps.*eigenvalue 30"
    ):
        testing.assert_converges(noisy)


def test_laws_are_compared_and_the_first_difference_found() -> None:
    testing.assert_same_law(lambda d, x: code.two_m(d, x, LEVELS), "dpmpp-2m", LEVELS)
    testing.assert_same_law(lambda d, x: code.two_m(d, x, LEVELS), "dpmpp-2m")

    def wrong(denoiser: Any, x: np.ndarray) -> np.ndarray:
        for i, (sigma, after) in enumerate(pairwise(LEVELS)):
            factor = 1.01 if i == 7 else 1.0
            x = x + factor * (after - sigma) * (x - denoiser(x, sigma)) / sigma
        return x

    with pytest.raises(AssertionError) as caught:
        testing.assert_same_law(wrong, "ddim", LEVELS)
    text = str(caught.value)
    assert "differ from step 8 on" in text and "gain on the initial state" in text
    testing.assert_same_law(wrong, "ddim", LEVELS, rtol=0.1)


def test_the_mean() -> None:
    testing.assert_mean_preserved(lambda d, x: code.euler(d, x, LEVELS))

    def loses(denoiser: Any, x: np.ndarray) -> np.ndarray:
        for i, (sigma, after) in enumerate(pairwise(LEVELS)):
            factor = 0.9 if i == 5 else 1.0
            x = x + (after - sigma) * (x - factor * denoiser(x, sigma)) / sigma
        return x

    with pytest.raises(AssertionError, match="does not keep the mean.*evaluation 7"):
        testing.assert_mean_preserved(loses)


def test_w2() -> None:
    data = gm.Spectrum.cifar10()
    result = testing.probe_code(code.two_m, data, compare=False)
    testing.assert_w2_below(result, data, result.w2 * 1.001)
    with pytest.raises(AssertionError, match="not below 0.1.*eigenvalues"):
        testing.assert_w2_below(code.two_m, data, 0.1)


def test_errors_fall() -> None:
    values = testing.errors(heun, (16, 32, 64))
    assert values[0] > values[1] > values[2]
    assert 1.7 < testing.measured_order(values, (16, 32, 64)) < 2.5
