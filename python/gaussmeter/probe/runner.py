"""Runs of a sampler's code on a batch, with everything random in it under control."""

from __future__ import annotations

import contextlib
import inspect
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._errors import error
from .backends import Backend
from .convention import Convention
from .denoiser import Denoiser, Evaluation
from .jax_noise import jax_noise
from .numpy_noise import ProbedGenerator, numpy_noise
from .rows import Draw, Ledger, Path, Rows
from .suspects import Suspects


@dataclass(frozen=True)
class Setting:
    """What stays the same in all runs of one probe.

    Attributes
    ----------
    fn
        The sampler's code.
    convention
        How it calls its network.
    eigenvalues, mean
        Of each coordinate, ``(n,)``.
    sample_shape
        Shape of one sample, of ``n`` numbers.
    reference
        The coordinate with eigenvalue 0, if there is one.
    backend, dtype
        Arrays that it works on.
    """

    fn: Callable[..., Any]
    convention: Convention
    eigenvalues: np.ndarray
    mean: np.ndarray
    sample_shape: tuple[int, ...]
    reference: int | None
    backend: Backend
    dtype: str


@dataclass
class Run:
    """One run: outputs and states of all rows, and what happened."""

    output: np.ndarray
    last: np.ndarray
    states: list[np.ndarray]
    state_levels: list[tuple[float, float] | None]
    evaluations: list[Evaluation]
    nfe: int
    draws: list[Draw]
    noises: int
    paths: list[Path]
    types: set[str] = field(default_factory=set)
    suspects: Suspects | None = None
    evaluations_at_states: list[int] = field(default_factory=list)


def run(
    setting: Setting,
    rows: Rows,
    paths: Sequence[Path] | None = None,
    watch: bool = False,
) -> Run:
    """One run of the sampler's code on a batch of rows.

    Parameters
    ----------
    setting
        What is run.
    rows
        On which batch.
    paths
        Brownian paths and their times, of an earlier run.
    watch
        Look for operations that are not affine.
    """
    backend = setting.backend
    ledger = Ledger(rows, setting.sample_shape, paths)
    suspects = Suspects(len(rows), rows.coordinates) if watch else None
    denoiser = Denoiser(
        setting.convention,
        setting.eigenvalues,
        rows.means(),
        np.ones(rows.coordinates),
        setting.sample_shape,
        backend,
        setting.reference,
    )
    initial = backend.array(rows.initial().reshape(len(rows), *setting.sample_shape), setting.dtype)
    if watch and backend.name == "numpy":
        from .watched import watched

        initial = watched(initial, suspects)
        denoiser = watched_denoiser(denoiser, suspects)
    types: set[str] = set()
    with intercepted(setting.fn, backend, ledger, suspects, types) as fn:
        output, states = _finish(fn, denoiser, initial, ledger)
    inner: Denoiser = getattr(denoiser, "inner", denoiser)
    values = [_checked(value, setting, rows) for value, _, _ in [*states, (output, None, 0)]]
    settled = ledger.settled_paths() if paths is None else ledger.paths
    total = ledger.count + sum(max(len(path.times) - 1, 0) for path in settled)
    last = backend.numpy(backend.last)[: len(rows)] if inner.evaluations else values[-1]
    return Run(
        last=rows.restored(last),
        output=rows.restored(values[-1]),
        states=[rows.restored(value) for value in values[:-1]],
        state_levels=[level for _, level, _ in states],
        evaluations=inner.evaluations,
        nfe=inner.nfe,
        draws=ledger.draws,
        noises=total,
        paths=settled,
        types={backend.precision(output), *types},
        suspects=suspects,
        evaluations_at_states=[count for _, _, count in states],
    )


def watched_denoiser(denoiser: Denoiser, suspects: Suspects | None) -> Any:
    """A denoiser whose answers are watched, in NumPy."""
    from .watched import watched

    class Watched:
        inner = denoiser

        def __call__(self, x: Any, t: Any, *args: Any, **kwargs: Any) -> Any:
            return watched(denoiser(np.asarray(x), np.asarray(t)), suspects)

    return Watched()


@contextlib.contextmanager
def intercepted(
    fn: Callable[..., Any],
    backend: Backend,
    ledger: Ledger,
    suspects: Suspects | None,
    types: set[str],
) -> Iterator[Callable[..., Any]]:
    """All random numbers of the libraries in use are those of the ledger.

    Types of states that are coarser than float64 are added to ``types`` where they can be seen.
    """
    with contextlib.ExitStack() as stack:
        prepared = stack.enter_context(numpy_noise(ledger, fn))
        if backend.name == "torch":
            from .torch_noise import TorchNoise, brownian_paths

            stack.enter_context(brownian_paths(ledger))
            stack.enter_context(backend.few_threads(len(ledger.rows) * ledger.rows.coordinates))
            noise = stack.enter_context(TorchNoise(ledger, suspects))
            noise.types = types
        if backend.name == "jax":
            stack.enter_context(jax_noise(ledger))
        yield prepared


def _finish(
    fn: Callable[..., Any], denoiser: Any, initial: Any, ledger: Ledger
) -> tuple[Any, list[tuple[Any, tuple[float, float] | None, int]]]:
    """Runs the code; one that yields its states is run to its end."""
    inner: Denoiser = getattr(denoiser, "inner", denoiser)
    try:
        result = fn(denoiser, initial, **arguments(fn, ledger))
        states: list[tuple[Any, tuple[float, float] | None, int]] = []
        if isinstance(result, types.GeneratorType):
            for item in result:
                value, level = item if isinstance(item, tuple) and len(item) == 2 else (item, None)
                if level is not None and np.ndim(level) == 0:
                    level = inner._convention.level_of(float(level))
                states.append((_copy(value), level, inner.nfe))
            if not states:
                raise error("the sampler's code yields no state", "yield the output last")
            return states[-1][0], states
        return result, states
    except Exception as problem:
        from gaussmeter import GaussmeterError

        if isinstance(problem, GaussmeterError):
            raise
        raise error(
            f"the sampler's code raises {type(problem).__name__} after {inner.nfe} network "
            f"evaluations: {problem}",
            "run it on an ordinary batch of the same shape first",
        ) from problem


def _copy(value: Any) -> Any:
    return value.clone() if hasattr(value, "clone") else value.copy()


def arguments(fn: Callable[..., Any], ledger: Ledger | None) -> dict[str, Any]:
    """Generators for code that asks for one by name and has no default."""
    try:
        parameters = inspect.signature(fn).parameters
    except (TypeError, ValueError):
        return {}
    wanted: dict[str, Any] = {}
    for name, parameter in parameters.items():
        if parameter.default is not parameter.empty:
            continue
        if name == "rng":
            plain = np.random.PCG64(0)
            wanted[name] = (
                np.random.Generator(plain) if ledger is None else ProbedGenerator(plain, ledger)
            )
        elif name == "generator":
            import torch

            wanted[name] = torch.Generator()
        elif name == "key":
            import jax

            wanted[name] = jax.random.PRNGKey(0)
    return wanted


def _checked(value: Any, setting: Setting, rows: Rows) -> np.ndarray:
    shape = (len(rows), *setting.sample_shape)
    if not setting.backend.is_array(value):
        raise error(
            f"the sampler's code returns {type(value).__name__}, not an array of "
            f"{setting.backend.name}",
            "return the samples; name the library with library= if it is another one",
        )
    if tuple(value.shape) != shape:
        raise error(
            f"the sampler's code returns the shape {tuple(value.shape)} for states of {shape}",
            "return samples of the shape of the initial state",
        )
    return setting.backend.numpy(value).reshape(len(rows), -1)
