"""``gaussmeter.probe`` on samplers in NumPy, beside the library's own."""

from __future__ import annotations

import functools
from itertools import pairwise
from typing import Any

import gaussmeter as gm
import numpy as np
import probe_samplers as code
import pytest
from gaussmeter.probe import probe

SIGMAS = code.SIGMAS
DATA = gm.Spectrum.from_eigenvalues([1e-4, 0.01, 0.3, 1.0, 25.0], mean=[0.5, -1.0, 0.0, 2.0, 1.0])
rng = np.random.default_rng(5)


def held(denoiser: Any, x: np.ndarray) -> np.ndarray:
    """Ancestral sampling with the generator of this module."""
    return code.ancestral(denoiser, x, rng)


def same(result: Any, sampler: str, **words: Any) -> None:
    """A probe has the law of a sampler of the library, number by number."""
    law = gm.output_law(DATA, sampler=sampler, process="edm", grid=SIGMAS, **words)
    assert result.is_exact
    np.testing.assert_allclose(result.gain, law.gain, rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(result.mean, law.mean, rtol=1e-10)
    np.testing.assert_allclose(result.variance, law.variance, rtol=1e-10)
    assert result.w2 == pytest.approx(law.w2, rel=1e-9)


@pytest.mark.parametrize(
    ("fn", "sampler", "nfe"),
    [(code.euler, "ddim", 12), (code.heun, "edm", 23), (code.two_m, "dpmpp-2m", 12)],
)
def test_deterministic_samplers_have_the_law_of_ours(fn: Any, sampler: str, nfe: int) -> None:
    result = probe(fn, DATA)
    same(result, sampler)
    assert (result.nfe, result.noises) == (nfe, 0)
    assert result.linearity < 1e-13
    assert sampler in result.like.names and result.like.is_same
    assert result.mismatch < 1e-9


@pytest.mark.parametrize("off", [-3e-7, 0.0, 3e-7, 1e-5])
def test_a_last_call_at_the_level_of_the_end_is_no_step(off: float) -> None:
    """As in diffusers' PNDM, where it depends on rounding which of the two is above the other."""
    sigmas = np.geomspace(80, 0.01, 12)

    def euler(denoiser: Any, x: np.ndarray) -> np.ndarray:
        return code.euler(denoiser, x, np.append(sigmas, sigmas[-1] * (1 + off)))

    result = probe(euler, DATA)
    assert result.nfe == 12
    assert result.like is not None and result.like.is_same
    assert "ddim" in result.like.names


def test_noise_is_seen_wherever_it_is_drawn() -> None:
    def own(denoiser: Any, x: np.ndarray) -> np.ndarray:
        return code.ancestral(denoiser, x, np.random.default_rng())

    def legacy(denoiser: Any, x: np.ndarray) -> np.ndarray:
        return code.ancestral(denoiser, x, np.random)

    def old(denoiser: Any, x: np.ndarray) -> np.ndarray:
        return code.ancestral(denoiser, x, np.random.RandomState(3))

    for fn in (code.ancestral, own, legacy, old, held, functools.partial(code.ancestral, rng=rng)):
        result = probe(fn, DATA)
        same(result, "euler-ancestral")
        assert result.noises == 12
    # What was replaced for a while is back.
    assert type(rng) is np.random.Generator
    assert np.random.randn(2).shape == (2,)
    assert isinstance(np.random.default_rng(1), np.random.Generator)
    assert type(np.random.default_rng(1)) is np.random.Generator


def test_the_initial_law_is_chosen() -> None:
    same(probe(code.euler, DATA, init="exact"), "ddim", init="exact")
    same(probe(code.euler, DATA, init=7.0), "ddim", init="normal:std=7")
    same(probe(code.euler, DATA), "ddim", init="normal")
    # Also if the code scales what it is handed, with a coordinate without variance or not.
    for shape in ((5,), (6,)):
        scaled = probe(lambda d, x: code.euler(d, 80 * x), DATA, init="exact", shape=shape)
        law = gm.output_law(DATA, sampler="ddim", process="edm", grid=SIGMAS, init="exact")
        np.testing.assert_allclose(scaled.variance, law.variance, rtol=1e-10)
        np.testing.assert_allclose(scaled.mean, law.mean, rtol=1e-10)


def test_shapes_of_pictures() -> None:
    flat = probe(code.two_m, DATA)
    for shape in ((5,), (6,), (1, 2, 3), (3, 4, 4)):
        result = probe(code.two_m, DATA, shape=shape, compare=False)
        np.testing.assert_allclose(result.variance, flat.variance, rtol=1e-13)
    with pytest.raises(gm.GaussmeterError, match="5 modes"):
        probe(code.two_m, DATA, shape=(2, 2))


def test_many_noises_take_several_batches() -> None:
    whole = probe(held, DATA, compare=False)
    parts = probe(held, DATA, compare=False, numbers=60)
    np.testing.assert_allclose(parts.variance, whole.variance, rtol=1e-13)
    np.testing.assert_allclose(parts.noise_gains, whole.noise_gains, rtol=1e-13)
    np.testing.assert_allclose((parts.noise_gains**2).sum(axis=0), parts.noise_variance)


def test_networks_that_predict_noise_and_are_told_timesteps() -> None:
    betas = np.linspace(1e-4, 0.02, 1000)
    products = np.cumprod(1 - betas)
    times = list(range(999, -1, -50))
    fn = functools.partial(code.ddpm, products=products, times=times)
    result = probe(fn, DATA, predicts="noise", levels=products)
    ratios = np.sqrt((1 - products[times]) / products[times])
    law = gm.output_law(
        DATA, sampler="ddpm-ancestral", process="edm:sigma_max=200",
        grid=np.append(ratios, 0.0), init=f"normal:std={1 / float(np.sqrt(products[999]))!r}",
    )  # fmt: skip
    np.testing.assert_allclose(result.variance, law.variance, rtol=1e-9)
    np.testing.assert_allclose(result.mean, law.mean, rtol=1e-9)
    assert result.told.tolist() == times
    assert "ddpm-ancestral" in result.like.names
    # 1000 steps start from unit noise, which has no signal: the law of the last level is left.
    assert result.initial_std == 1.0


@pytest.mark.parametrize("predicts", ["denoiser", "noise", "v", "flow", "score"])
def test_predictions_are_the_same_network(predicts: str) -> None:
    us = np.linspace(0.99, 0.05, 9)

    def fn(network: Any, x: np.ndarray) -> np.ndarray:
        for u, after in zip(us, [*us[1:], 0.0], strict=True):
            answer = network(x, u)
            alpha, sigma = 1 - u, u
            if predicts == "denoiser":
                data = answer
            elif predicts == "noise":
                data = (x - sigma * answer) / alpha
            elif predicts == "v":
                data = (alpha * x - sigma * answer) / (alpha**2 + sigma**2)
            elif predicts == "flow":
                data = (x - sigma * answer) / (alpha + sigma)
            else:
                data = (x + sigma**2 * answer) / alpha
            x = after / u * x + (1 - after - after / u * alpha) * data
        return x

    result = probe(fn, DATA, predicts=predicts, levels="flow")
    ratios = [u / (1 - u) for u in us] + [0.0]
    law = gm.output_law(DATA, sampler="ddim", process="edm:sigma_max=99.0001", grid=ratios,
                        init="normal:std=99")  # fmt: skip
    np.testing.assert_allclose(result.variance, law.variance, rtol=1e-9)
    np.testing.assert_allclose(result.mean, law.mean, rtol=1e-9)


def test_states_have_laws() -> None:
    result = probe(code.yielding, DATA, init="exact")
    points = result.curve()
    assert len(points) == 12
    for index in (3, 7, 11):
        law = gm.output_law(
            DATA, sampler="ddim", process="edm", grid=SIGMAS[: index + 2], init="exact"
        )
        np.testing.assert_allclose(points[index].variance, law.variance, rtol=1e-10)
        np.testing.assert_allclose(points[index].mean, law.mean, rtol=1e-10)
        assert points[index].sigma == pytest.approx(SIGMAS[index + 1])
        assert points[index].evaluations == index + 1
    assert points[-1].w2 == pytest.approx(result.w2)
    with pytest.raises(gm.GaussmeterError, match="yields no states"):
        probe(code.euler, DATA).curve()


def test_guidance_doubles_the_batch() -> None:
    def guided(denoiser: Any, x: np.ndarray) -> np.ndarray:
        for sigma, after in pairwise(SIGMAS):
            both = denoiser(np.concatenate([x, x]), np.full(2 * len(x), sigma))
            data = both[len(x) :] + 1.0 * (both[: len(x)] - both[len(x) :])
            x = x + (after - sigma) * (x - data) / sigma
        return x

    result = probe(guided, DATA)
    same(result, "ddim")
    assert result.nfe == 24


def test_the_levels_of_states_show_what_the_network_should_be_told() -> None:
    def late(denoiser: Any, x: np.ndarray) -> np.ndarray:
        for sigma, after in pairwise(SIGMAS):
            told = 1.1 * sigma if sigma < 1 else sigma
            x = x + (after - sigma) * (x - denoiser(x, told)) / sigma
        return x

    assert probe(late, DATA).mismatch == pytest.approx(1 - 1 / 1.1, rel=1e-6)
    result = probe(code.euler, DATA)
    np.testing.assert_allclose(result.state_ratios, SIGMAS[:-1], rtol=1e-9)
    np.testing.assert_allclose(result.ratios, SIGMAS[:-1])


def test_the_level_at_the_end() -> None:
    result = probe(functools.partial(code.euler, sigmas=SIGMAS[:-1]), DATA)
    assert result.output_noise == pytest.approx(0.002, rel=1e-6)
    assert probe(code.euler, DATA).output_noise == 0.0


def test_code_that_is_not_affine_is_sampled_and_the_rule_named() -> None:
    def clipped(denoiser: Any, x: np.ndarray) -> np.ndarray:
        for sigma, after in pairwise(SIGMAS):
            x = x + (after - sigma) * (x - np.clip(denoiser(x, sigma), -1, 1)) / sigma
        return x

    result = probe(clipped, DATA, samples=1600)
    assert not result.is_exact and "clipping" in result.reason and "test_probe.py" in result.reason
    interval = result.w2_interval
    assert interval.low < interval.estimate < interval.high
    # All of it is within [-1, 1], so that the largest mode has a standard deviation of at most 1.
    assert result.variance[-1] < 1.0 + 1e-6
    with pytest.raises(gm.GaussmeterError, match="not affine: clipping"):
        probe(clipped, DATA, monte_carlo=False)


def test_the_interval_of_samples_holds_the_exact_value() -> None:
    def barely(denoiser: Any, x: np.ndarray) -> np.ndarray:
        # Never reached by data: the law is that of Euler.
        return np.clip(code.euler(denoiser, x), -60, 60)

    exact = probe(code.euler, DATA)
    result = probe(barely, DATA, samples=8000, seed=3)
    assert not result.is_exact
    assert result.w2_interval.low <= exact.w2 <= result.w2_interval.high


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        (lambda x: x / np.linalg.norm(x, axis=1, keepdims=True), "norm"),
        (
            lambda x: x / np.maximum(1, np.quantile(np.abs(x), 0.9, axis=1, keepdims=True)),
            "quantile",
        ),
        (np.tanh, "tanh"),
    ],
)
def test_other_rules_are_named(rule: Any, named: str) -> None:
    def fn(denoiser: Any, x: np.ndarray) -> np.ndarray:
        return rule(denoiser(x + 1e-300, 2.0))

    with np.errstate(all="ignore"):
        assert named in probe(fn, DATA, samples=256).reason


def test_steps_that_depend_on_the_state_are_named() -> None:
    def adaptive(denoiser: Any, x: np.ndarray) -> np.ndarray:
        return denoiser(x, 1.0 + float(np.abs(x).max()))

    assert "adaptive" in probe(adaptive, DATA, samples=256).reason


def test_float16_is_said() -> None:
    def half(denoiser: Any, x: np.ndarray) -> np.ndarray:
        x = x.astype(np.float16)
        return denoiser(x, np.float16(4.0))

    result = probe(half, DATA)
    assert result.is_exact and result.precision == "float16"
    assert any("float16" in note for note in result.notes)


def test_what_rounding_to_float32_costs_is_said() -> None:
    result = probe(code.two_m, DATA, dtype="float32")
    assert result.precision == "float32"
    assert any("changes W2 by" in note for note in result.notes)
    assert result.w2 == pytest.approx(probe(code.two_m, DATA).w2, rel=1e-4)


def keeps(state: list[int]) -> Any:
    def fn(denoiser: Any, x: np.ndarray) -> np.ndarray:
        state.append(0)
        return denoiser(x, 2.0) * (1 + 0.01 * len(state))

    return fn


def uniform(denoiser: Any, x: np.ndarray) -> np.ndarray:
    return denoiser(x, 2.0) + np.random.rand(*x.shape)


def one_number(denoiser: Any, x: np.ndarray) -> np.ndarray:
    return denoiser(x, 2.0 + np.random.randn())


def one_each(denoiser: Any, x: np.ndarray) -> np.ndarray:
    return denoiser(x, 2.0) + np.random.randn(len(x), 1)


def one_sample(denoiser: Any, x: np.ndarray) -> np.ndarray:
    return denoiser(x, 2.0) + np.random.randn(1, *x.shape[1:])


def centred(denoiser: Any, x: np.ndarray) -> np.ndarray:
    return denoiser(x - x.mean(axis=0), 2.0)


def fails(denoiser: Any, x: np.ndarray) -> np.ndarray:
    raise RuntimeError("no such layer")


def unseen(denoiser: Any, x: np.ndarray) -> np.ndarray:
    import random

    return denoiser(x, 2.0) + random.random()


@pytest.mark.parametrize(
    ("fn", "message"),
    [
        (keeps([]), "keeps state"),
        (uniform, "not normal"),
        (one_number, "single random number"),
        (one_each, "coordinates share"),
        (one_sample, "whose batch is not"),
        (centred, "other samples of the batch"),
        (fails, "RuntimeError after 0 network evaluations: no such layer"),
        (unseen, "Python's random module"),
        (lambda d, x: d(x[:, :2], 1.0), "hands the network an array"),
        (lambda d, x: d(x, np.arange(len(x)) + 1.0), "different times"),
        (lambda d, x: d(x, np.nan), "one finite number"),
        (lambda d, x: d(x, 1.0)[:2], "returns the shape"),
        (lambda d, x: d(x, 1.0).tolist(), "returns list"),
        (lambda d, x: x, "never asks the network"),
    ],
)
def test_errors_are_one_clear_line(fn: Any, message: str) -> None:
    with pytest.raises(gm.GaussmeterError) as caught:
        probe(fn, DATA)
    text = f"{caught.value} ({caught.value.hint})"
    assert message in text
    assert "\n" not in text and caught.value.hint


def test_a_failure_leaves_everything_as_it_was() -> None:
    before = np.random.randn, np.random.default_rng, np.random.Generator
    for _ in range(50):
        with pytest.raises(gm.GaussmeterError):
            probe(fails, DATA)
    assert (np.random.randn, np.random.default_rng, np.random.Generator) == before


def test_a_seed_that_is_set_again_draws_the_same_noise() -> None:
    def seeded(denoiser: Any, x: np.ndarray) -> np.ndarray:
        for sigma, after in pairwise(SIGMAS):
            data = denoiser(x, sigma)
            noise = np.random.default_rng(0).standard_normal(x.shape)
            x = data + after * noise
        return x

    result = probe(seeded, DATA, compare=False)
    assert result.noises == 1
    # Its gains add up before they are squared.
    independent = probe(lambda d, x: renoise(d, x), DATA, compare=False)
    assert independent.noises == 12
    assert result.variance[3] > 1.1 * independent.variance[3]


def renoise(denoiser: Any, x: np.ndarray) -> np.ndarray:
    for sigma, after in pairwise(SIGMAS):
        x = denoiser(x, sigma) + after * np.random.randn(*x.shape)
    return x


def test_results_print_and_travel() -> None:
    import json

    result = probe(code.two_m, DATA)
    assert "dpmpp-2m" in str(result) and "W2" in result._repr_html_()
    plain = json.loads(json.dumps(result.to_dict()))
    assert plain["nfe"] == 12 and plain["like"]["is_same"]
