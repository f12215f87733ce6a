"""The recordings of real libraries beside the checkout."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import gaussmeter as gm
import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "golden" / "samplers"


def recorded(name: str) -> dict[str, Any]:
    """A recorded file; without the folder the test is skipped, or fails if it is required."""
    path = FOLDER / f"{name}.json"
    if not path.exists():
        if os.environ.get("GAUSSMETER_REQUIRE_SHARED") == "1":
            pytest.fail(f"no recordings at {FOLDER}")
        pytest.skip(f"no recordings beside the checkout: {name} is not compared")
    return json.loads(path.read_text())


def spectrum(file: dict[str, Any]) -> tuple[Any, np.ndarray]:
    """The recorded eigenvalues with mean 1, and where each is in the spectrum."""
    values = np.array(file["lambdas"])
    data = gm.Spectrum.from_eigenvalues(values, mean=np.ones(values.size))
    return data, np.array([int(np.abs(data.eigenvalues - value).argmin()) for value in values])


def compared(result: Any, case: dict[str, Any], where: np.ndarray, floor: float = 1e-10) -> float:
    """Largest error of the variance in units of its tolerance; the rest is asserted."""
    assert result.is_exact, result.reason
    assert result.nfe == case["nfe"], case["id"]
    variance = np.array(case["var"])
    tolerance = np.maximum(np.array(case["rtol_per_lambda"]), floor) * variance + 1e-18
    # An initial state with mean 0 leaves part of the mean out, here as there.
    np.testing.assert_allclose(result.mean[where], case["mean_gain"], rtol=0, atol=1e-9)
    return float((np.abs(result.variance[where] - variance) / tolerance).max())
