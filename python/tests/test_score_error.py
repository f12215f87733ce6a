"""``gaussmeter.score_error`` on networks whose errors are known in closed form."""

from __future__ import annotations

from typing import Any

import gaussmeter as gm
import numpy as np
import pytest

LAMBDA = np.array([0.01, 0.25, 1.0, 4.0])
DATA = gm.Spectrum.from_eigenvalues(LAMBDA, mean=[0.0, 1.0, 0.0, 2.0])
MEAN = DATA.mean


def exact(x: np.ndarray, sigma: float) -> np.ndarray:
    return MEAN + LAMBDA / (LAMBDA + sigma**2) * (x - MEAN)


def test_the_parts_of_a_known_error() -> None:
    mixed = np.zeros((4, 4))
    mixed[0, 3] = 0.02

    def network(x: np.ndarray, sigma: float) -> np.ndarray:
        centred = x - MEAN
        return (
            exact(x, sigma)
            + 0.03 * LAMBDA / (LAMBDA + sigma**2) * centred
            + centred @ mixed.T
            + 0.05 * np.sin(3 * centred)
            + 0.1
        )

    found = gm.score_error(network, DATA, [1.0, 0.1], samples=16 * 1500)
    for index, sigma in enumerate(found.sigmas):
        variance = LAMBDA + sigma**2
        # By Stein's lemma, E sin(3z) z / v = 3 E cos(3z).
        sine = 0.15 * np.exp(-4.5 * variance)
        gain = 0.03 * LAMBDA / variance + sine
        assert (np.abs(found.gain[index] - gain) < 2 * found.gain_half[index]).all()
        np.testing.assert_allclose(found.constant[index], 0.01, rtol=0.05)
        leak = (mixed**2) @ variance
        np.testing.assert_allclose(found.leak[index], leak, atol=2e-4)
        rest = 0.05**2 * (1 - np.exp(-18 * variance)) / 2 - sine**2 * variance
        np.testing.assert_allclose(found.rest[index], rest, atol=2e-4)
        total = gain**2 * variance + 0.01 + leak + rest
        assert (np.abs(found.squared[index] - total) < 2 * found.squared_half[index]).all()
    assert 0.85 < found.affine_share[0] < 0.95
    assert "path KL" in str(found) and "<table>" in found._repr_html_()
    assert len(found.to_dict()["gain"]) == 2


def test_the_exact_network_has_no_error_and_the_law_of_the_sampler() -> None:
    found = gm.score_error(exact, DATA, samples=256)
    law = gm.output_law(DATA, sampler="edm", process="edm", grid="karras", steps=18)
    assert found.path_kl < 1e-20
    assert found.w2_exact == pytest.approx(law.w2, rel=1e-12)
    assert found.w2_linear == pytest.approx(law.w2, rel=1e-9)


def test_the_linear_part_explains_what_a_believed_spectrum_costs() -> None:
    believed = 1.1 * LAMBDA

    def network(x: np.ndarray, sigma: float) -> np.ndarray:
        return MEAN + believed / (believed + sigma**2) * (x - MEAN)

    levels = np.geomspace(80, 0.002, 60)
    found = gm.score_error(network, DATA, levels, samples=4096)
    other = gm.Spectrum.from_eigenvalues(believed, mean=MEAN)
    law = gm.output_law(other, sampler="edm", process="edm", grid="karras", steps=18)
    cost = np.sqrt(((np.sqrt(law.variance) - np.sqrt(LAMBDA)) ** 2 + (law.mean - MEAN) ** 2).sum())
    assert found.w2_linear == pytest.approx(cost, rel=2e-2)
    # Girsanov: the integral of sum of (w' − w)² (lam + s²) / s² over ln s.
    sigmas = np.geomspace(80, 0.002, 4000)[:, None]
    rate = (believed / (believed + sigmas**2) - LAMBDA / (LAMBDA + sigmas**2)) ** 2
    rate = (rate * (LAMBDA + sigmas**2) / sigmas**2).sum(axis=1)
    steps = np.diff(np.log(sigmas[::-1, 0]))
    assert found.path_kl == pytest.approx((rate[::-1][1:] * steps).sum(), rel=3e-2)
    assert found.path_kl_affine == pytest.approx(found.path_kl, rel=2e-2)


def test_leaks_are_in_predictions_where_they_are_asked_for() -> None:
    above = np.triu(np.ones((4, 4)), 1)
    turn, _ = np.linalg.qr(np.eye(4) + 0.3 * (above - above.T))
    covariance = (turn * (1.2 * LAMBDA)) @ turn.T

    def shrunk(sigma: float) -> np.ndarray:
        result: np.ndarray = covariance @ np.linalg.inv(covariance + sigma**2 * np.eye(4))
        return result

    def network(x: np.ndarray, sigma: float) -> np.ndarray:
        return MEAN + (x - MEAN) @ shrunk(sigma).T

    sigmas = np.geomspace(80, 0.002, 40)
    found = gm.score_error(network, DATA, sigmas, samples=128, leaks=True)
    # Heun's rule by matrices, of the deviation from the mean and of the mean.
    places = np.linspace(80 ** (1 / 7), 0.002 ** (1 / 7), 18)
    levels = np.append(places**7, 0.0)
    gain = np.eye(4)
    for sigma, after in zip(levels[:-1], levels[1:], strict=True):
        slope = (np.eye(4) - shrunk(sigma)) / sigma
        euler = np.eye(4) + (after - sigma) * slope
        if after > 0:
            second = (np.eye(4) - shrunk(after)) / after @ euler
            euler = np.eye(4) + (after - sigma) / 2 * (slope + second)
        gain = euler @ gain
    law = levels[0] ** 2 * gain @ gain.T
    root = np.diag(np.sqrt(LAMBDA))
    values = np.linalg.eigvalsh(root @ law @ root)
    squared = np.trace(law) + LAMBDA.sum() - 2 * np.sqrt(np.maximum(values, 0)).sum()
    shift = MEAN - gain @ MEAN - MEAN
    w2 = np.sqrt(squared + shift @ shift)
    assert found.w2_with_leaks == pytest.approx(w2, abs=found.w2_with_leaks_half)
    assert found.w2_with_leaks_half < 0.02 * w2
    assert abs(found.w2_linear - w2) > 0.2 * w2
    assert np.isnan(gm.score_error(network, DATA, [1.0], samples=128).w2_with_leaks)
    with pytest.raises(gm.GaussmeterError, match="four for each dimension"):
        gm.score_error(lambda x, s: x, "white:d=64", [1.0], samples=128, leaks=True)


def test_samples_have_a_basis_of_their_own() -> None:
    numbers = np.random.default_rng(0)
    samples = numbers.standard_normal((400, 2, 3)) @ numbers.standard_normal((3, 3)) + 1.0
    flat = samples.reshape(400, -1)
    mean, covariance = flat.mean(axis=0), np.cov(flat, rowvar=False)

    def network(x: np.ndarray, sigma: float) -> np.ndarray:
        assert x.shape[1:] == (2, 3)
        shrunk = covariance @ np.linalg.inv(covariance + sigma**2 * np.eye(6))
        return (mean + (x.reshape(len(x), -1) - mean) @ shrunk.T).reshape(x.shape)

    found = gm.score_error(network, samples, [1.0, 0.1], samples=256)
    assert found.total.max() < 1e-20
    same = gm.score_error(lambda x, s: 1.01 * network(x, s) - 0.01 * mean.reshape(2, 3), samples,
                          [1.0], samples=512)  # fmt: skip
    eigenvalues = same.spectrum.eigenvalues
    np.testing.assert_allclose(same.gain[0], 0.01 * eigenvalues / (eigenvalues + 1), rtol=1e-3)


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        (lambda x, s: x[:, :2], {}, "returned shape"),
        (lambda x, s: x * np.nan, {}, "NaN"),
        (exact, {"sigmas": [1.0, 0.0]}, "positive"),
        (exact, {"groups": 5}, "take one of"),
        (exact, {"predicts": "score"}, "denoiser or the noise"),
        (exact, {"basis": np.ones((4, 4))}, "not orthogonal"),
        (exact, {"basis": np.eye(3)}, "has the shape"),
    ],
)
def test_errors(network: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(gm.GaussmeterError) as caught:
        gm.score_error(network, DATA, **{"samples": 128, **options})
    assert message in f"{caught.value} {caught.value.hint}"


def test_what_a_network_raises_is_raised() -> None:
    def broken(x: np.ndarray, sigma: float) -> np.ndarray:
        raise RuntimeError("no such layer")

    with pytest.raises(RuntimeError, match="no such layer"):
        gm.score_error(broken, DATA, [1.0], samples=128)


def test_a_gain_that_is_measured_is_a_network_to_tune_for(tmp_path: Any) -> None:
    def network(x: np.ndarray, sigma: float) -> np.ndarray:
        # The score times 0.95.
        return x + 0.95 * (exact(x, sigma) - x)

    found = gm.score_error(network, DATA, [30.0, 3.0, 0.3, 0.03])
    np.testing.assert_allclose(found.score_gain, -0.05, rtol=1e-9)
    name = found.save_gain(tmp_path / "gain.csv")
    same = gm.evaluate(DATA, "dpmpp-2m", "edm", "karras", nfe=10, network="gain:delta=-0.05")
    measured = gm.evaluate(DATA, "dpmpp-2m", "edm", "karras", nfe=10, network=name)
    np.testing.assert_allclose(measured.w2, same.w2, rtol=1e-9)
    times = [gm.tune(DATA, "dpmpp-2m", nfe=10, network=n).sigmas for n in (None, name)]
    w2 = [gm.evaluate(DATA, "dpmpp-2m", "edm", t, network=name).w2 for t in times]
    assert w2[1] < w2[0]
