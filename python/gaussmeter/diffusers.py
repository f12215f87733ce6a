"""Schedulers of diffusers: the exact law of what they sample, and tuned times for them.

:func:`probe` runs a scheduler object as the pipelines of diffusers do, with the exact network of
Gaussian data in place of a trained one. :func:`apply` sets times on a scheduler.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import math
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._apply import Applied, apply
from ._rules import rule_of
from ._spectrum import SpectrumLike
from .probe import ProbeResult, Runs, preconditioned
from .probe import probe as probe_code
from .probe._errors import error
from .probe.convention import (
    Answer,
    LevelOf,
    discrete_levels,
    to_numpy,
    variance_preserving,
)

#: Schedulers that are not probed, and why.
NOT_PROBED: dict[str, str] = {
    "AmusedScheduler": "its states are tokens",
    "BlockRefinementScheduler": "its states are tokens",
    "DiscreteDDIMScheduler": "its states are tokens",
    "EntropyBoundScheduler": "its states are tokens",
    "VQDiffusionScheduler": "its states are tokens",
    "ConsistencyDecoderScheduler": "it needs the trained decoder that it belongs to",
    "DDIMInverseScheduler": "it runs from data to noise",
    "DPMSolverMultistepInverseScheduler": "it runs from data to noise",
    "HeliosScheduler": "it changes the resolution between its stages",
    "HeliosDMDScheduler": "it changes the resolution between its stages",
    "PiflowScheduler": "its network predicts a policy, not a velocity",
    "RFD4ProteinaScheduler": "it needs a mask of atoms, and centres coordinates",
    "RePaintScheduler": "it needs a picture and a mask",
}

_PREDICTIONS = {
    "epsilon": "noise",
    "sample": "denoiser",
    "v_prediction": "v",
    "flow_prediction": "flow",
}


@dataclass
class Driver:
    """How one kind of scheduler is run.

    Attributes
    ----------
    answer
        What the network predicts.
    level_of
        The level of what it is told.
    told
        From scheduler, index of the step and its timestep to what the network is told.
    state_of
        The level of a state of the scheduler, if the noise ratio there is ``sigma``.
    step
        From scheduler, answer, timestep and state to the next state.
    initial
        Factor of the initial normal numbers, if it is not ``init_noise_sigma``.
    """

    answer: str | Answer
    level_of: LevelOf
    told: Callable[[Any, int, Any], float] = lambda scheduler, index, timestep: float(timestep)
    step: Callable[..., Any] | None = None
    initial: Callable[[Any], float] | None = None
    timesteps: Callable[[Any], Any] = lambda scheduler: scheduler.timesteps
    scales: bool = True
    arguments: dict[str, Any] = field(default_factory=dict)


def probe(
    scheduler: Any,
    steps: int | None,
    spectrum: SpectrumLike = None,
    *,
    conditioning: str = "timestep",
    step: Mapping[str, Any] | None = None,
    set_timesteps: Mapping[str, Any] | None = None,
    init: str | float = "normal",
    double: bool = False,
    **options: Any,
) -> ProbeResult:
    """The exact law of what a scheduler of diffusers samples.

    A copy of the scheduler is run as pipelines run it: ``set_timesteps``, a normal initial state
    times ``init_noise_sigma``, and for each timestep ``scale_model_input``, the network and
    ``step``. The scheduler itself is left as it is.

    Parameters
    ----------
    scheduler
        A scheduler object, such as ``pipeline.scheduler``.
    steps
        ``num_inference_steps``, or ``None`` for times that have been set on it.
    spectrum
        The data, or what :meth:`gaussmeter.Spectrum.load` takes.
    conditioning
        ``"timestep"``: the network is told the timestep, as in pipelines; ``"solver"``: the level
        that the scheduler computes with, where it has a list ``sigmas``.
    step, set_timesteps
        Further arguments of the methods of these names, such as ``{"eta": 0.5}``.
    init
        ``"normal"``: as in pipelines; ``"exact"``: data at the first level.
    double
        Build and run the scheduler again in double precision, to measure its rule without the
        rounding of its tables.
    options
        Those of :func:`gaussmeter.probe`.

    Returns
    -------
    ProbeResult
        The law of ``prev_sample`` after the last step.

    Raises
    ------
    GaussmeterError
        If the scheduler is of a kind that is not sampling data from noise in a fixed grid, or if
        :func:`gaussmeter.probe` cannot measure it.

    Examples
    --------
    >>> import diffusers, gaussmeter as gm  # doctest: +SKIP
    >>> scheduler = diffusers.DPMSolverMultistepScheduler(use_karras_sigmas=True)  # doctest: +SKIP
    >>> print(gm.diffusers.probe(scheduler, 20))  # doctest: +SKIP
    """
    if conditioning not in ("timestep", "solver"):
        raise error(f"unknown conditioning {conditioning!r}", "take timestep or solver")
    _refuse(scheduler)
    if double and steps is None:
        raise error(
            "double=True builds the scheduler anew, and times that were set on it are lost",
            "hand in steps",
        )
    module = sys.modules[type(scheduler).__module__]
    step_arguments, set_arguments = dict(step or {}), dict(set_timesteps or {})
    with precision(double, module):
        fresh = rebuilt(scheduler) if double else copy.deepcopy(scheduler)
        if steps is not None:
            prepare(fresh, steps, set_arguments)
        elif not _has_times(fresh):
            raise error("no times are set on the scheduler", "hand in steps")
        driver = driver_of(fresh, conditioning)
        # On the way it must not change: it is copied for every run.
        first = copy.deepcopy(fresh)

    def run(denoiser: Any, x: Any) -> Any:
        import torch

        with precision(double, module), torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _sample(copy.deepcopy(first), driver, denoiser, x, step_arguments)

    if options.get("compare", True):
        options.setdefault("nodes", nodes_of(first))
        rule = rule_of(first, len(first.timesteps), step_arguments)
        if rule is not None:
            options.setdefault("candidates", list(dict.fromkeys((rule.published, rule.as_written))))
        if conditioning == "timestep":
            options.setdefault("process", _told_process(first))
    options.setdefault("name", f"{type(scheduler).__name__}, {steps or 'its own'} steps")
    result = probe_code(
        run,
        spectrum,
        predicts=driver.answer,
        levels=driver.level_of,
        init=1.0 if init == "normal" else init,
        library="torch",
        **options,
    )
    return result


def runs(
    scheduler: Any, spectrum: Any = None, *, conditioning: str = "solver", **options: Any
) -> Runs:
    """A scheduler at any number of steps, from data at the first level: for ``gaussmeter.testing``.

    Parameters
    ----------
    scheduler
        A scheduler object.
    spectrum
        The data. By default a few eigenvalues, with a mean.
    conditioning, options
        As for :func:`probe`; the network is told the level that the solver computes with, so that
        whole timesteps do not hide the order of the rule.

    Returns
    -------
    Runs
    """
    if spectrum is None:
        from .testing import default_spectrum

        spectrum = default_spectrum()

    def at(steps: int) -> ProbeResult:
        given = {"init": "exact", "compare": False, "conditioning": conditioning, **options}
        return probe(scheduler, steps, spectrum, **given)

    return Runs(at, type(scheduler).__name__)


def nodes_of(scheduler: Any) -> list[tuple[float, float]] | None:
    """Levels that a scheduler with its times set computes with, from noise to the end.

    ``None`` where it has no list ``sigmas``, because it computes with those of the timesteps.
    """
    sigmas = getattr(scheduler, "sigmas", None)
    kind = type(scheduler).__name__
    if sigmas is None or kind == "ScoreSdeVeScheduler":
        return None
    values = np.asarray(to_numpy(sigmas), dtype=np.float64)
    if scheduler.config.get("use_flow_sigmas") or kind.startswith(_OF_FLOWS):
        return [(1.0 - u, u) for u in values]
    if getattr(scheduler.config, "interpolation_type", "") == "log_linear":
        values = values[: len(scheduler.timesteps) + 1]
    return [(1.0, sigma) for sigma in values]


def _told_process(scheduler: Any) -> str | None:
    """The process of the library whose network is told timesteps as this scheduler tells them."""
    config, kind = scheduler.config, type(scheduler).__name__
    names = {"scaled_linear": "scaled_linear", "linear": "linear"}
    schedule = names.get(config.get("beta_schedule", ""))
    if schedule is None or config.get("use_flow_sigmas") or config.get("rescale_betas_zero_snr"):
        return None
    if kind.startswith(("DPMSolverM", "DPMSolverSing", "UniPC", "DEIS", "SASolver")):
        rounds = config.get("use_karras_sigmas") or config.get("use_lu_lambdas")
        told = "round" if rounds else "truncate"
    elif kind.startswith("KDPM2"):
        told = "round-at-nodes"
    elif kind.startswith(("EulerDiscrete", "HeunDiscrete", "DPMSolverSDE", "LMSDiscrete")):
        told = "fractional"
    else:
        return None
    network = {"epsilon": "epsilon", "v_prediction": "v", "sample": "x0"}[config.prediction_type]
    return (
        f"vp-discrete:schedule={schedule},beta_start={config.beta_start!r},"
        f"beta_end={config.beta_end!r},conditioning={told},network={network}"
    )


_OF_FLOWS = ("FlowMatch", "FlowMap", "LTXEuler", "MiniMaxH3")


def driver_of(scheduler: Any, conditioning: str = "timestep") -> Driver:
    """How a scheduler, with its times set, is run.

    Raises
    ------
    GaussmeterError
        For the schedulers in :data:`NOT_PROBED`, and for unknown kinds.
    """
    kind = type(scheduler).__name__
    _refuse(scheduler)
    for base in type(scheduler).__mro__:
        if base.__name__ in _SPECIAL:
            return _SPECIAL[base.__name__](scheduler, conditioning)
    config = scheduler.config
    prediction = _PREDICTIONS.get(config.get("prediction_type", "epsilon"))
    if prediction is None:
        raise error(
            f"{kind} has prediction_type={config.get('prediction_type')!r}",
            "known are " + ", ".join(_PREDICTIONS),
        )
    if kind.startswith("FlowMatch") or kind in ("LTXEulerAncestralRFScheduler",):
        return _flow(scheduler, conditioning, "flow")
    if config.get("use_flow_sigmas"):
        return _flow(scheduler, conditioning, prediction)
    table = getattr(scheduler, "alphas_cumprod", None)
    if table is None:
        raise error(
            f"{kind} is of a kind that is not known here",
            "write its loop as a function and hand it to gaussmeter.probe",
        )
    if conditioning == "solver" and getattr(scheduler, "sigmas", None) is not None:
        return Driver(prediction, variance_preserving, _sigma_of_solver)
    step = _STEPS.get(kind)
    return Driver(prediction, discrete_levels(table), step=None if step is None else step())


def _refuse(scheduler: Any) -> None:
    kind = type(scheduler).__name__
    for base in type(scheduler).__mro__:
        if base.__name__ in NOT_PROBED:
            raise error(
                f"{kind} is not probed: {NOT_PROBED[base.__name__]}",
                "write its loop as a function and hand it to gaussmeter.probe, if it is affine",
            )


def _flow(scheduler: Any, conditioning: str, prediction: str) -> Driver:
    count = float(scheduler.config.get("num_train_timesteps", 1000))

    def straight(u: float) -> tuple[float, float]:
        return 1.0 - u, u

    if conditioning == "solver":
        return Driver(prediction, straight, _sigma_of_solver)
    return Driver(prediction, straight, lambda s, index, timestep: float(timestep) / count)


def _sigma_of_solver(scheduler: Any, index: int, timestep: Any) -> float:
    first = getattr(scheduler, "state_in_first_order", True)
    if not first and hasattr(scheduler, "sigmas_interpol"):
        # The ancestral one has moved on already.
        late = hasattr(scheduler, "sigmas_down")
        return float(scheduler.sigmas_interpol[scheduler.step_index - int(late)])
    if not first and getattr(scheduler, "mid_point_sigma", None) is not None:
        return float(scheduler.mid_point_sigma)
    current = scheduler.step_index
    return float(scheduler.sigmas[index if current is None else current])


def _preconditioned(scheduler: Any, conditioning: str) -> Driver:
    data = float(scheduler.config.sigma_data)
    cosine = type(scheduler).__name__.startswith("Cosine")

    def sigma_of(index: int, timestep: Any) -> float:
        if conditioning == "solver":
            return float(scheduler.sigmas[index])
        told = float(timestep)
        return math.tan(told * math.pi / 2) if cosine else math.exp(4.0 * told)

    def level(sigma: float) -> tuple[float, float]:
        scale = 1.0 / math.hypot(sigma, data)
        return scale, scale * sigma

    answer = preconditioned(data, scheduler.config.prediction_type)
    return Driver(answer, level, lambda s, index, timestep: sigma_of(index, timestep))


def _consistency(scheduler: Any, conditioning: str) -> Driver:
    """The exact consistency function, to the smallest level, in place of a denoiser."""
    lowest, data = float(scheduler.config.sigma_min), float(scheduler.config.sigma_data)

    def level(sigma: float) -> tuple[float, float]:
        scale = 1.0 / math.hypot(sigma, data)
        return scale, scale * sigma

    def answer(alpha: float, sigma: float, lam: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        noise = sigma / alpha
        skip, out = (
            float(value) for value in scheduler.get_scalings_for_boundary_condition(_tensor(noise))
        )
        gain = np.sqrt((lam + lowest**2) / (lam + noise**2))
        return (gain - skip) / alpha / out, (1.0 - gain) / out

    return Driver(answer, level, lambda s, index, timestep: float(s.sigmas[index]))


def _tensor(value: float) -> Any:
    import torch

    return torch.tensor(value, dtype=torch.float64)


def _ipndm(scheduler: Any, conditioning: str) -> Driver:
    # Its network predicts alpha n - sigma x0, so that sample * beta + output * alpha is the noise.
    angles = np.pi / 2
    return Driver("v", lambda t: (math.cos(t * angles), math.sin(t * angles)))


def _scm(scheduler: Any, conditioning: str) -> Driver:
    data = float(scheduler.config.sigma_data)

    def level(t: float) -> tuple[float, float]:
        return math.cos(t), math.sin(t) * data

    def answer(alpha: float, sigma: float, lam: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # The scheduler forms cos(t) x - sin(t) F, which is to be the denoiser.
        variance = alpha**2 * lam + sigma**2
        sine = sigma / data
        gain = alpha * (sigma**2 + (alpha**2 - 1.0) * lam) / variance
        return gain / sine, -(sigma**2) / variance / sine

    return Driver(
        answer,
        level,
        initial=lambda s: data,
        timesteps=lambda s: s.timesteps[:-1],
    )


def _towards_data(scheduler: Any, conditioning: str) -> Driver:
    """Velocities from noise to data, told 1 - u."""

    def answer(alpha: float, sigma: float, lam: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        variance = alpha**2 * lam + sigma**2
        return (alpha * lam - sigma) / variance, sigma * (alpha + sigma) / variance

    return Driver(answer, lambda t: (t, 1.0 - t), initial=lambda s: 1.0, scales=False)


def _wuerstchen(scheduler: Any, conditioning: str) -> Driver:
    import torch

    def level(t: float) -> tuple[float, float]:
        product = float(scheduler._alpha_cumprod(torch.tensor([t]), torch.device("cpu")))
        return math.sqrt(product), math.sqrt(1.0 - product)

    def step(s: Any, answer: Any, timestep: Any, x: Any, **arguments: Any) -> Any:
        times = timestep.reshape(1).expand(x.shape[0])
        return s.step(answer, times, x, **arguments).prev_sample

    return Driver("noise", level, step=step, timesteps=lambda s: s.timesteps[:-1])


def _score_sde_ve(scheduler: Any, conditioning: str) -> Driver:
    def step(s: Any, answer: Any, timestep: Any, x: Any, **arguments: Any) -> Any:
        return s.step_pred(answer, timestep, x, **arguments).prev_sample

    return Driver(
        "score",
        lambda sigma: (1.0, sigma),
        lambda s, index, timestep: float(s.sigmas[index]),
        step=step,
    )


def _unclip() -> Callable[..., Any]:
    """Steps to the next timestep of the list, as its pipelines ask for."""

    def step(s: Any, answer: Any, timestep: Any, x: Any, **arguments: Any) -> Any:
        index = int((s.timesteps == timestep).nonzero()[0])
        last = index + 1 == len(s.timesteps)
        after = None if last else s.timesteps[index + 1]
        return s.step(answer, timestep, x, prev_timestep=after, **arguments).prev_sample

    return step


def _cogvideox() -> Callable[..., Any]:
    """Steps that are handed the prediction of the step before."""
    kept: dict[str, Any] = {}

    def step(s: Any, answer: Any, timestep: Any, x: Any, **arguments: Any) -> Any:
        if timestep == s.timesteps[0]:
            kept.clear()
        x, data = s.step(
            answer, kept.get("data"), timestep, kept.get("timestep"), x,
            return_dict=False, **arguments,
        )[:2]  # fmt: skip
        kept.update(data=data, timestep=timestep)
        return x

    return step


_STEPS: dict[str, Callable[[], Callable[..., Any]]] = {
    "CogVideoXDPMScheduler": _cogvideox,
    "UnCLIPScheduler": _unclip,
}
_SPECIAL: dict[str, Callable[[Any, str], Driver]] = {
    "EDMEulerScheduler": _preconditioned,
    "EDMDPMSolverMultistepScheduler": _preconditioned,
    "CosineDPMSolverMultistepScheduler": _preconditioned,
    "CMStochasticIterativeScheduler": _consistency,
    "IPNDMScheduler": _ipndm,
    "SCMScheduler": _scm,
    "MiniMaxH3Scheduler": _towards_data,
    "FlowMapEulerDiscreteScheduler": lambda s, c: _flow(s, c, "flow"),
    "DDPMWuerstchenScheduler": _wuerstchen,
    "ScoreSdeVeScheduler": _score_sde_ve,
}


def _sample(
    scheduler: Any, driver: Driver, denoiser: Any, x: Any, arguments: Mapping[str, Any]
) -> Any:
    if driver.initial is not None:
        x = x * driver.initial(scheduler)
    else:
        x = x * getattr(scheduler, "init_noise_sigma", 1.0)
    for index, timestep in enumerate(driver.timesteps(scheduler)):
        state = x
        if driver.scales and hasattr(scheduler, "scale_model_input"):
            state = scheduler.scale_model_input(x, timestep)
        answer = denoiser(state, driver.told(scheduler, index, timestep))
        if driver.step is not None:
            x = driver.step(scheduler, answer, timestep, x, **arguments)
        else:
            x = scheduler.step(answer, timestep, x, **arguments).prev_sample
    return x


def _has_times(scheduler: Any) -> bool:
    return getattr(scheduler, "timesteps", None) is not None


def prepare(scheduler: Any, steps: int, arguments: Mapping[str, Any]) -> None:
    """Sets the times of a scheduler, as its class takes them."""
    if type(scheduler).__name__ == "SCMScheduler":
        arguments = {"intermediate_timesteps": None, **arguments} if steps != 2 else arguments
    parameters = inspect.signature(scheduler.set_timesteps).parameters
    by_times = any(name in arguments for name in ("timesteps", "sigmas"))
    name = "num_inference_steps"
    if not (by_times and parameters[name].default is not inspect.Parameter.empty):
        arguments = {name: steps, **arguments}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler.set_timesteps(**arguments)
        if hasattr(scheduler, "set_sigmas"):
            scheduler.set_sigmas(steps)


@contextlib.contextmanager
def precision(double: bool, module: Any) -> Iterator[None]:
    """Double precision for the code of a module, if it is asked for."""
    if not double:
        yield
        return
    from .probe.double import double_precision

    with double_precision(module):
        yield


def rebuilt(scheduler: Any) -> Any:
    """The same scheduler made again, in whatever precision code runs in now."""
    config = {k: v for k, v in scheduler.config.items() if not k.startswith("_")}
    taken = inspect.signature(type(scheduler).__init__).parameters
    config = {k: v for k, v in config.items() if k in taken}
    key = (type(scheduler), repr(sorted(config.items(), key=lambda pair: pair[0])))
    if key not in _MADE:
        # Some constructors take half a second.
        if len(_MADE) >= 8:
            _MADE.pop(next(iter(_MADE)))
        _MADE[key] = type(scheduler)(**config)
    return copy.deepcopy(_MADE[key])


#: Schedulers in double precision, made lately.
_MADE: dict[Any, Any] = {}


__all__ = [
    "Applied",
    "Driver",
    "NOT_PROBED",
    "apply",
    "driver_of",
    "nodes_of",
    "probe",
    "runs",
]
