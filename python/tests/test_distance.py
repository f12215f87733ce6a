"""The Gaussian W2 of samples: NumPy's formula, the command line, and what is said of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gaussmeter as gm
import numpy as np
import pytest


def features(count: int, seed: int, scale: float = 1.0) -> Any:
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(99).normal(size=(6, 6)) / 2
    return np.maximum(rng.normal(size=(count, 6)) * scale + 0.3, 0) @ mix


def statistics(x: Any) -> tuple[Any, Any]:
    return x.mean(0), np.cov(x, rowvar=False)


def frechet(a: tuple[Any, Any], b: tuple[Any, Any]) -> float:
    """As pytorch-fid: tr (AB)^½ is the sum of the roots of the eigenvalues of AB."""
    roots = np.sqrt(np.linalg.eigvals(a[1] @ b[1]).real.clip(0)).sum()
    return float(((a[0] - b[0]) ** 2).sum() + np.trace(a[1]) + np.trace(b[1]) - 2 * roots)


def test_the_formula_of_pytorch_fid(tmp_path: Path) -> None:
    x, y = features(300, 1), features(200, 2, 1.5)
    expected = frechet(statistics(x), statistics(y))
    mu, sigma = statistics(x)
    np.savez(tmp_path / "fid.npz", mu=mu, sigma=sigma)
    np.save(tmp_path / "y.npy", y)
    for reference in (x, (mu, sigma), tmp_path / "fid.npz"):
        for samples in (y, statistics(y), str(tmp_path / "y.npy")):
            found = gm.distance(reference, samples)
            assert found.fid == pytest.approx([expected], rel=1e-9)
    single = gm.distance((mu, sigma.astype(np.float32)), y.astype(np.float32))
    assert single.fid == pytest.approx([expected], rel=1e-5)


def test_statistics_keep_their_rounding() -> None:
    x = features(300, 1)
    wide = np.hstack([x, 0.3 * x[:, :3]])
    mu, sigma = statistics(wide)
    # Rounded to single or half precision, a singular covariance has negative eigenvalues.
    for dtype, error in ((np.float32, 1e-5), (np.float16, 1e-2)):
        rounded = sigma.astype(dtype)
        assert np.linalg.eigvalsh(rounded.astype(float)).min() < 0
        found = gm.distance((mu, rounded), wide)
        assert found.fid[0] == pytest.approx(0, abs=error)
    # np.cov of one dimension is a number.
    line = gm.distance((x[:, 0].mean(keepdims=True), np.cov(x[:, 0])), x[:, :1] + 1)
    assert line.fid[0] == pytest.approx(1.0)
    # An option that pictures and arrays in files have, beside statistics.
    assert gm.distance((mu, sigma), 2 * wide, scale=(0.5, 0.0)).fid[0] == pytest.approx(0, abs=1e-9)


def test_the_reference_has_options_of_its_own(tmp_path: Path) -> None:
    x, y = features(300, 1), features(200, 2, 1.5)
    np.savez(tmp_path / "x.npz", pool=x, logits=y)
    np.savez(tmp_path / "y.npz", features=y)
    found = gm.distance(tmp_path / "x.npz", tmp_path / "y.npz", reference_array="pool")
    assert found.fid[0] == pytest.approx(gm.distance(x, y).fid[0])
    scaled = gm.distance(2 * x, y, reference_scale=(0.5, 0.0))
    assert scaled.fid[0] == pytest.approx(found.fid[0])


def test_the_command_line_says_the_same(cli: Callable[..., str], tmp_path: Path) -> None:
    x, y = features(300, 1), features(200, 2, 1.5)
    paths = [tmp_path / "x.npy", tmp_path / "y.npy"]
    for path, values in zip(paths, (x, y), strict=True):
        np.save(path, values)
    mu, sigma = statistics(y)
    np.savez(tmp_path / "fid.npz", mu=mu, sigma=sigma)
    own = gm.distance(paths[0], paths[1], tmp_path / "fid.npz", reference_count=None, count=200)
    theirs = cli(
        "distance",
        *map(str, (*paths, tmp_path / "fid.npz")),
        *("--count", "200", "--format", "json"),
    )
    assert own.document == json.loads(theirs)
    assert own.records["w2"] == pytest.approx(own.w2)
    # Arrays are what files are; statistics know the fourth moments of a Gaussian only.
    arrays = gm.distance(x, y)
    assert arrays.w2[0] == own.w2[0]
    assert own.sets[1]["kind"] == "statistics"
    assert own.sets[1]["bias"] != own.sets[0]["bias"]


def test_laws_are_known() -> None:
    x = features(400, 1)
    spectrum = gm.Spectrum.from_array(x, basis=True)
    law = gm.mixture(x, clusters=2)
    for reference in (spectrum, law):
        found = gm.distance(reference, x, features(400, 3))
        assert found.reference["kind"] == "law"
        assert found.sets[0]["plug_in_squared"] < 1e-2
        assert found.sets[1]["reference_kurtosis"] is None
    with pytest.raises(gm.GaussmeterError, match="without eigenvectors"):
        gm.distance(gm.Spectrum.from_array(x), x)


def test_intervals_hold_what_samples_add() -> None:
    sets = [features(60, seed) for seed in range(20)]
    found = gm.distance((*statistics(features(200_000, 100)),), *sets)
    low = [own["w2_low"] for own in found.sets]
    assert sum(value == 0 for value in low) >= 17
    # What was computed is what finite samples add.
    added, computed = (sum(own[key] for own in found.sets) for key in ("bias", "plug_in_squared"))
    assert added == pytest.approx(computed, rel=0.2)


def test_errors_are_lines() -> None:
    x = features(50, 1)
    broken = x.copy()
    broken[7, 2] = np.inf
    for arguments, text in (
        ((x, broken), r"samples: .*sample 7, coordinate \[2\] is inf"),
        ((x, x[:, :5]), "samples has dimension 5, but reference has 6"),
        ((x, x[:1]), "a covariance needs two"),
        ((x,), "nothing to compare"),
        ((x, "missing.npy"), "missing.npy"),
        ((x, (x, x)), r"a tuple is \(mu, sigma\).*\(50, 6\) and \(50, 6\)"),
    ):
        with pytest.raises(gm.GaussmeterError, match=text):
            gm.distance(*arguments)
    with pytest.raises(gm.GaussmeterError, match="none of the samples are statistics"):
        gm.distance(x, x, count=3)
    for options in ({"resize": 4}, {"array": "a"}, {"reference_array": "a"}):
        with pytest.raises(gm.GaussmeterError, match="no effect on arrays"):
            gm.distance(x, x, **options)
    few = gm.distance(x, x[:8])
    assert np.isnan(few.w2[0]) and "1.75 samples" in few.sets[0]["reason"]
