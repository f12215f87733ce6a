"""Random numbers of JAX: the same key draws the same noise."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from ._errors import error
from .denoiser import place_of_caller
from .rows import Ledger

_OTHER = (
    "uniform", "randint", "bernoulli", "choice", "permutation", "exponential", "gamma", "laplace",
    "categorical", "truncated_normal", "multivariate_normal", "rademacher", "t", "cauchy", "beta",
)  # fmt: skip


@contextlib.contextmanager
def jax_noise(ledger: Ledger) -> Iterator[None]:
    """While it is entered, ``jax.random.normal`` draws from a ledger, and nothing is compiled."""
    jax = sys.modules.get("jax")
    if jax is None:
        yield
        return
    module: Any = jax.random
    saved = {name: getattr(module, name) for name in ("normal", *_OTHER) if hasattr(module, name)}

    def normal(key: Any, shape: Any = (), dtype: Any = None, **kwargs: Any) -> Any:
        data = module.key_data(key) if hasattr(module, "key_data") else key
        identity = np.asarray(data).tobytes()
        values = ledger.draw(tuple(shape), "jax.random.normal", place_of_caller(), identity)
        return jax.numpy.asarray(values, dtype=dtype)

    def refuse(name: str) -> Any:
        def refused(*args: Any, **kwargs: Any) -> Any:
            raise error(
                f"jax.random.{name} at {place_of_caller()} draws random numbers that are not "
                "normal: the law of the output is not Gaussian",
                "hand in such numbers as arguments, and probe for each value of them",
            )

        return refused

    try:
        for name in saved:
            setattr(module, name, normal if name == "normal" else refuse(name))
        with jax.disable_jit():
            yield
    finally:
        for name, value in saved.items():
            setattr(module, name, value)
