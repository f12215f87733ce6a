"""What cannot be done is said in one clear line, and leaves nothing behind."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gaussmeter as gm
import numpy as np
import pytest

CASES: list[tuple[Callable[[], Any], str, str | None]] = [
    (lambda: gm.evaluate(sampler="huen"), "unknown sampler 'huen'", "did you mean 'heun'?"),
    (lambda: gm.evaluate(), "no sampler given", None),
    (lambda: gm.evaluate("cifar", "heun"), "unknown spectrum 'cifar'", "did you mean 'cifar10'?"),
    (lambda: gm.evaluate("no/such/file.npy", "heun"), "no such file", None),
    (lambda: gm.evaluate(sampler="edm:churn=3"), "no parameter 'churn'", "did you mean"),
    (lambda: gm.evaluate(sampler="heun", nfe=0), "leaves no step", None),
    (lambda: gm.evaluate(sampler="heun", nfe=-3), "nfe = -3 is not a whole number", None),
    (lambda: gm.evaluate(sampler="heun", nfe=10**9), "not a whole number from 0", None),
    (lambda: gm.evaluate(sampler="heun", nfe=1), "needs at least", None),
    (lambda: gm.evaluate(sampler="heun", nfe=10, steps=5), "only one of nfe, steps", None),
    (lambda: gm.evaluate(sampler="heun", eps=float("nan")), "finite and not negative", None),
    (lambda: gm.evaluate(sampler="heun", eps=2.0), "eps = 2 must lie in [0, 1)", None),
    (lambda: gm.evaluate(sampler="heun", grid=[1.0, 2.0]), "must decrease", None),
    (lambda: gm.evaluate(sampler="heun", grid=[1.0, float("nan")]), "sigma", None),
    (lambda: gm.evaluate(sampler="euler:final=euler"), "no parameter", None),
    (lambda: gm.evaluate(sampler="sample_dpm_adaptive"), "sample_dpm_adaptive", None),
    (lambda: gm.rank(sampler=[]), "no sampler given", None),
    (lambda: gm.schedules(min_ratio=0.5), "ratio must be at least 1", None),
    (lambda: gm.curve(eps=[1e-3, 1e-2]), "takes a single eps", None),
    (lambda: gm.curve(against="space"), "or 'both'", "or 'both'"),
    (lambda: gm.tune(sampler="ddim", free="middle"), "nothing that can be sought", "give"),  # type: ignore[arg-type]
    (lambda: gm.recommend(nfe=5, error=0.1), "not both", None),
    (lambda: gm.recommend(verify=True), "or its path", "gaussmeter.mixture"),
    (lambda: gm.verify("cifar10.npz"), "cifar10.npz", None),
    (lambda: gm.verify(gm.Spectrum.cifar10()), "or a denoiser", "gaussmeter.mixture"),
    (lambda: gm.export("a1111", "heun"), "unknown", "known: "),
    (lambda: gm.info(tolerance=-1.0), "not a positive number", None),
    (lambda: gm.cite("huen"), "did you mean 'heun'?", "did you mean 'heun'?"),
    (lambda: gm.order("huen"), "did you mean 'heun'?", None),
    (lambda: gm.samplers.edm(s_churn=-1), "s_churn", "give"),
    (lambda: gm.samplers["huen"], "did you mean", "did you mean"),
    (lambda: gm.Spectrum.from_eigenvalues([]), "no eigenvalues", None),
    (lambda: gm.Spectrum.from_eigenvalues([1.0, np.nan]), "eigenvalue 1 is NaN", None),
    (lambda: gm.Spectrum.from_eigenvalues([1.0, -0.5]), "not a covariance", None),
    (lambda: gm.Spectrum.from_eigenvalues([[1.0]]), "1 axis", None),
    (lambda: gm.Spectrum.from_eigenvalues([1.0], [1.0, 2.0]), "2 values of multiplicity", None),
    (lambda: gm.Spectrum.from_eigenvalues([1.0], [0.0]), "must be positive", None),
    (lambda: gm.Spectrum.from_eigenvalues([1.0], mean=["a"]), "no real numbers", "give"),
    (lambda: gm.Spectrum.from_eigenvalues([1.0 + 1j]), "no real numbers", "give"),
    (lambda: gm.Spectrum.from_covariance([[1.0, 2.0], [2.0, 1.0]]), "not a covariance", None),
    (lambda: gm.Spectrum.from_covariance([[1.0, 0.5], [0.0, 1.0]]), "not symmetric", None),
    (lambda: gm.Spectrum.from_covariance(np.ones((2, 3))), "2x3", None),
    (lambda: gm.Spectrum.from_covariance(np.full((2, 2), np.inf)), "finite", None),
    (lambda: gm.Spectrum.from_covariance(np.eye(2), [0.0]), "a mean of 1 values", None),
    (lambda: gm.Spectrum.from_array(np.array([[1.0, np.nan]])), "samples must be finite", None),
    (lambda: gm.Spectrum.from_array(np.zeros((0, 3))), "no samples", None),
    (lambda: gm.Spectrum.from_array(3.0), "samples lie along the first axis", None),
    (lambda: gm.Spectrum.from_array([[1], [1, 2]]), "array", None),
    (lambda: gm.Spectrum.from_array([["a"]]), "no real numbers", None),
    (lambda: gm.Spectrum.from_array(np.ones((5, 3)), method="qr"), "unknown 'qr'", "known: "),  # type: ignore[arg-type]
    (lambda: gm.Spectrum.from_array(np.ones((5, 3)), scale="symmetric"), "value of white", None),
    (lambda: gm.Spectrum.from_batches([]), "no samples", None),
    (
        lambda: gm.Spectrum.from_batches([np.ones((2, 3)), np.ones((2, 4))]),
        "shape [4] after samples of shape [3]",
        None,
    ),
    (
        lambda: gm.Spectrum.from_batches([np.ones((2, 3)), np.ones((2, 3), np.uint8)]),
        "8-bit",
        None,
    ),
    (
        lambda: gm.Spectrum.from_batches([{"a": np.ones((2, 3)), "b": np.ones((2, 3))}]),
        "a dict",
        "key",
    ),
    (lambda: gm.Spectrum.from_images(), "no files given", "name files"),
    (lambda: gm.Spectrum.from_images("no/such/folder"), "no such", None),
    (lambda: gm.Law.from_modes([1.0, 2.0], [0.0], [0.0], [1.0]), "1 values for the 2", None),
    (lambda: gm.Law.from_modes([1.0], [0.0], [np.nan], [1.0]), "mean of mode 0 is NaN", None),
    (lambda: gm.Law.from_modes([1.0], [0.0], [0.0], [-1.0]), "variance of mode 0", None),
    (lambda: gm.sample("cifar10"), "without eigenvectors", "basis=True"),
    (lambda: gm.show("heun").to_svg(), "no figure", "curve"),
    (lambda: gm.evaluate(sampler="heun").save("x.docx"), "no format", "rename"),
]


@pytest.mark.parametrize(("ask", "text", "hint"), CASES, ids=[text for _, text, _ in CASES])
def test_messages(ask: Callable[[], Any], text: str, hint: str | None) -> None:
    with pytest.raises(gm.GaussmeterError) as caught:
        ask()
    message = str(caught.value)
    assert text in message, message
    assert "\n" not in message and " --" not in message, message
    if hint is not None:
        assert hint in (caught.value.hint or ""), caught.value.hint


@pytest.mark.parametrize(
    "ask",
    [
        lambda: gm.evaluate(sampler=3),  # type: ignore[arg-type]
        lambda: gm.evaluate(sampler="heun", nfe=2.5),  # type: ignore[arg-type]
        lambda: gm.evaluate(sampler="heun", nfe=True),
        lambda: gm.evaluate(sampler="heun", grid=3.5),
        lambda: gm.evaluate(sampler="heun", eps="a"),  # type: ignore[arg-type]
        lambda: gm.samplers.heun("euler", "euler"),
        lambda: gm.Spectrum(),
        lambda: gm.Law(),
        lambda: gm.simulate("ddim", 3),  # type: ignore[arg-type]
    ],
)
def test_wrong_types(ask: Callable[[], Any]) -> None:
    with pytest.raises(TypeError) as caught:
        ask()
    assert "\n" not in str(caught.value)


def test_errors_are_value_errors_that_can_be_sent() -> None:
    error = gm.GaussmeterError("what is wrong", "what to do")
    assert isinstance(error, ValueError)
    other = pickle.loads(pickle.dumps(error))
    assert (str(other), other.hint) == ("what is wrong", "what to do")


def test_a_folder_is_no_spectrum(tmp_path: Path) -> None:
    with pytest.raises(gm.GaussmeterError, match="is a folder") as caught:
        gm.evaluate(tmp_path, "heun")
    assert "from_images" in (caught.value.hint or "")


def test_small_negative_eigenvalues_are_told() -> None:
    with pytest.warns(gm.GaussmeterWarning, match="set to zero as rounding"):
        spectrum = gm.Spectrum.from_eigenvalues([1.0, -1e-12])
    assert spectrum.null_dimension == 1
    assert "set to zero" in spectrum.notices[0]


FAILURES = """
import gc, gaussmeter as gm, numpy as np

def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096

def bad(x, sigma):
    raise ArithmeticError("no")

failures = [
    lambda: gm.evaluate(sampler="huen"),
    lambda: gm.evaluate(sampler="heun", grid=[1.0, 2.0]),
    lambda: gm.Spectrum.from_covariance(np.ones((2, 3))),
    lambda: gm.Spectrum.from_eigenvalues([np.nan] * 1000),
    lambda: gm.simulate("ddim", bad, count=1, shape=(2,), steps=2),
    lambda: gm.Moments().update(np.full((3, 3), np.nan)),
]

def fail(times):
    for k in range(times):
        try:
            failures[k % len(failures)]()
        except (gm.GaussmeterError, ArithmeticError):
            continue
        raise AssertionError(k)

fail(2_000)
gc.collect()
before = resident()
fail(10_000)
gc.collect()
print(resident() - before)
"""


def test_ten_thousand_failures_leave_memory_as_it_was() -> None:
    if not Path("/proc/self/statm").exists():
        pytest.skip("skipped: resident memory is not known here")
    grown = int(subprocess.check_output([sys.executable, "-c", FAILURES], text=True))
    assert grown < 4 << 20
