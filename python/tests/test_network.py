"""Networks of the user: simulate and verify."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gaussmeter as gm
import numpy as np
import pytest

EIGENVALUES = np.array([1.0, 0.25, 4.0])


def exact(x: Any, sigma: float) -> Any:
    return x * (EIGENVALUES / (EIGENVALUES + sigma**2))


def exact_noise(x: Any, sigma: float) -> Any:
    return (x - exact(x, sigma)) / sigma


def exact_velocity(x: Any, level: gm.Level) -> Any:
    s = level.alpha**2 * EIGENVALUES + level.sigma**2
    # Of the process flow: alpha = 1 − t, sigma = t.
    return x * (level.sigma - level.alpha * EIGENVALUES) / s


CONFIGURATIONS = [
    ("dpmpp-2m", "edm", "karras", {}),
    ("heun:final=euler", "vp-linear", "uniform", {}),
    ("unipc", "edm", "karras", {}),
    ("dpmpp-2m-sde", "edm", "karras", {}),
    ("euler-ancestral", "edm", "karras", {}),
    ("euler", "flow", "uniform", {"takes": "level", "predicts": "velocity"}),
]


@pytest.mark.parametrize(("sampler", "process", "grid", "form"), CONFIGURATIONS)
def test_simulated_samples_have_the_exact_law(
    sampler: str, process: str, grid: str, form: dict[str, Any]
) -> None:
    network: Any = exact_velocity if form else exact
    count = 20_000
    y = gm.simulate(
        sampler, network, process, grid, steps=8, count=count, shape=(3,), seed=1, **form
    )
    law = gm.output_law(EIGENVALUES, sampler, process, grid, steps=8)
    expected = dict(zip(law.eigenvalues, law.variance, strict=True))
    for k, eigenvalue in enumerate(EIGENVALUES):
        # Five standard errors.
        assert y[:, k].var() == pytest.approx(expected[eigenvalue], rel=5 * np.sqrt(2 / count))
    again = gm.simulate(
        sampler,
        network,
        process,
        grid,
        steps=8,
        count=count,
        shape=(3,),
        seed=1,
        chunk=777,
        **form,
    )
    assert (again == y).all()


def test_simulated_samples_are_those_of_the_library() -> None:
    data = np.random.default_rng(0).normal(size=(100, 3)) * np.sqrt(EIGENVALUES)
    spectrum = gm.Spectrum.from_array(data, basis=True)
    covariance = np.cov(data.T, bias=True)
    mean = data.mean(axis=0)
    identity = np.eye(3)

    def network(x: Any, sigma: float) -> Any:
        return mean + (x - mean) @ np.linalg.solve(covariance + sigma**2 * identity, covariance)

    asked: dict[str, Any] = {"process": "edm", "grid": "karras", "steps": 6, "seed": 4}
    for sampler in ("dpmpp-2m", "heun:final=euler"):
        own = gm.simulate(sampler, network, count=5, shape=(3,), **asked)
        theirs = gm.sample(spectrum, 5, sampler=sampler, **asked)
        assert own == pytest.approx(theirs.values, abs=1e-10)


def test_what_networks_predict() -> None:
    asked: dict[str, Any] = {"process": "vp-linear", "steps": 6, "count": 4, "shape": (3,)}
    own = gm.simulate("ddim", exact, **asked)
    other = gm.simulate("ddim", exact_noise, predicts="noise", **asked)
    assert other == pytest.approx(own, abs=1e-12)


def test_states_and_shapes() -> None:
    x = np.full((2, 1, 3), 80.0, dtype=np.float32)
    states: list[tuple[int, float, Any]] = []

    def single(x: Any, sigma: float) -> Any:
        return exact(x, sigma).astype(x.dtype)

    y = gm.simulate(
        "dpmpp-2m",
        single,
        "edm",
        "karras",
        x=x,
        steps=4,
        on_step=lambda step, t, x: states.append((step, t, x.shape)),
    )
    assert y.shape == x.shape and y.dtype == np.float32
    assert [step for step, _, _ in states] == [0, 1, 2, 3, 4]
    assert states[0][1] == 80.0 and states[-1][1] == 0.0
    assert gm.simulate("ddim", exact, "edm", "karras", x=[[1.0, 2.0, 3.0]], steps=2).shape == (1, 3)
    like = np.zeros(1, np.float32)
    y = gm.simulate("ddim", single, "edm", "karras", count=2, shape=(3,), steps=2, like=like)
    assert y.dtype == np.float32


def _raises(x: Any, sigma: Any) -> Any:
    raise LookupError("the network's own words")


FAILURES: list[tuple[Callable[..., Any], type[Exception], str]] = [
    (_raises, LookupError, "the network's own words"),
    (lambda x, sigma: x[:1, :1], gm.GaussmeterError, "returned shape"),
    (lambda x, sigma: "a", gm.GaussmeterError, "shape|numbers"),
    (lambda x, sigma: None, gm.GaussmeterError, "shape|numbers"),
    (lambda x: x, TypeError, "positional argument"),
]


@pytest.mark.parametrize(("network", "error", "text"), FAILURES)
def test_networks_that_fail(network: Callable[..., Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        gm.simulate("ddim", network, "edm", "karras", count=3, shape=(3,), steps=2)
    with pytest.raises(error, match=text):
        gm.verify(EIGENVALUES, "ddim", grid="karras", steps=2, starts=8, denoiser=network)


def test_networks_that_return_nan() -> None:
    with pytest.raises(gm.GaussmeterError, match="NaN"):
        gm.verify(
            EIGENVALUES,
            "ddim",
            grid="karras",
            steps=2,
            starts=8,
            denoiser=lambda x, sigma: x * np.nan,
        )


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"count": 3}, "give x, or count"),
        ({"x": np.zeros((2, 3)), "count": 3}, "not both"),
        ({"x": np.zeros(())}, "single number"),
        ({"count": 0, "shape": (3,)}, "at least one"),
        ({"count": 2, "shape": (3,), "chunk": 0}, "positive"),
        ({"count": 2, "shape": (3,), "predicts": "x0"}, "unknown 'x0'"),
        ({"count": 2, "shape": (3,), "predicts": "velocity"}, "takes='level'"),
        ({"count": 2, "shape": (3,), "takes": "time"}, "unknown 'time'"),
        ({"count": 2, "shape": (3,), "process": "flow", "grid": "uniform"}, "no signal is left"),
        ({"count": 2, "shape": (3,), "like": "a"}, "neither"),
    ],
)
def test_runs_that_cannot_be(asked: dict[str, Any], text: str) -> None:
    with pytest.raises(gm.GaussmeterError) as caught:
        gm.simulate("ddim", exact, steps=2, **{"process": "edm", "grid": "karras", **asked})
    assert text in f"{caught.value} {caught.value.hint}"


def test_verification_of_an_exact_network_finds_what_the_gaussian_predicts() -> None:
    shapes = set()

    def network(x: Any, sigma: float) -> Any:
        shapes.add(x.shape[1:])
        return exact(x.reshape(-1, 3), sigma).reshape(x.shape)

    found = gm.verify(
        EIGENVALUES,
        "dpmpp-2m,ddim",
        grid="karras",
        steps=[4, 8],
        starts=64,
        denoiser=network,
        shape=(1, 3),
    )
    assert shapes == {(1, 3)}
    assert len(found.document["checks"]) == 4
    for check in found.document["checks"]:
        # Of 64 starts.
        assert check["rms"] == pytest.approx(check["gaussian_rms"], rel=0.35)


def test_verification_with_noise_needs_eigenvectors() -> None:
    data = np.random.default_rng(0).normal(size=(4000, 3)) * np.sqrt(EIGENVALUES)
    spectrum = gm.Spectrum.from_array(data, basis=True)
    covariance = np.cov(data.T, bias=True)
    mean = data.mean(axis=0)

    def network(x: Any, sigma: float) -> Any:
        gain = np.linalg.solve(covariance + sigma**2 * np.eye(3), covariance)
        return mean + (x - mean) @ gain

    asked: dict[str, Any] = {"grid": "karras", "steps": 20, "starts": 16, "samples": 2000}
    found = gm.verify(spectrum, "dpmpp-2m-sde", denoiser=network, **asked)
    assert found.document["checks"][0]["nfe"] == 20
    with pytest.raises(gm.GaussmeterError, match="eigenvectors"):
        gm.verify(EIGENVALUES, "dpmpp-2m-sde", denoiser=exact, **asked)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"shape": (2, 2)}, "has 4 values"),
        ({"predicts": "velocity"}, "takes='level'"),
    ],
)
def test_verifications_that_cannot_be(asked: dict[str, Any], text: str) -> None:
    with pytest.raises(gm.GaussmeterError) as caught:
        gm.verify(EIGENVALUES, "ddim", denoiser=exact, steps=2, **asked)
    assert text in f"{caught.value} {caught.value.hint}"


def test_a_network_can_ask_questions_itself() -> None:
    def network(x: Any, sigma: float) -> Any:
        gm.evaluate(EIGENVALUES, "ddim", steps=2)
        return exact(x, sigma)

    found = gm.verify(EIGENVALUES, "ddim", grid="karras", steps=2, starts=8, denoiser=network)
    assert len(found.document["checks"]) == 1
