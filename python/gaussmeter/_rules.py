"""The rules of diffusers' schedulers by the names of this library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Rule:
    """A scheduler as samplers of this library.

    Attributes
    ----------
    published
        The rule of the publication that the scheduler names.
    as_written
        The rule that the scheduler computes, where this library has it as a variant.
    """

    published: str
    as_written: str


def rule_of(scheduler: Any, steps: int, arguments: Mapping[str, Any] | None = None) -> Rule | None:
    """The rule of a scheduler with its times set, or ``None`` where this library has none.

    Parameters
    ----------
    scheduler
        A scheduler of diffusers.
    steps
        Its number of steps.
    arguments
        Further arguments of its method ``step``.
    """
    kind, config = type(scheduler).__name__, scheduler.config
    given = dict(arguments or {})
    eta = float(given.get("eta", 0.0))
    if given.get("s_churn") and kind.startswith("FlowMatch"):
        # Churn is a rule for sigma, and none for u.
        return None
    if given.get("s_churn") and kind in ("EulerDiscreteScheduler", "EDMEulerScheduler"):
        text = _call("edm-euler", given, {"s_churn": "s_churn", "s_noise": "s_noise"})
        return Rule(text, f"{text},variant=diffusers")
    if kind in _PLAIN:
        return Rule(*(_PLAIN[kind],) * 2)
    if kind == "FlowMatchEulerDiscreteScheduler":
        return Rule(*("lcm" if config.get("stochastic_sampling") else "ddim",) * 2)
    if kind in ("DDIMScheduler", "DDIMParallelScheduler", "CogVideoXDDIMScheduler"):
        return Rule(*(f"ddim:eta={eta!r}",) * 2)
    if kind in ("DDPMScheduler", "DDPMParallelScheduler"):
        if config.variance_type.startswith("fixed_small"):
            return Rule("ddpm-ancestral", "ddpm-ancestral")
        last = "mean" if float(scheduler.timesteps[-1]) == 0.0 else "noise"
        text = f"ddpm-ancestral:variance=fixed_large,last={last}"
        return Rule("ddpm-ancestral:variance=fixed_large", text)
    if kind == "LMSDiscreteScheduler":
        return Rule(*(f"lms:order={given.get('order', 4)}",) * 2)
    if kind == "LTXEulerAncestralRFScheduler":
        return Rule(*(f"euler-ancestral-rf:eta={float(config.eta)!r}",) * 2)
    if kind == "TCDScheduler":
        return Rule(*(f"tcd:eta={float(given.get('eta', 0.3))!r}",) * 2)
    if kind in ("DPMSolverMultistepScheduler", "EDMDPMSolverMultistepScheduler"):
        return _multistep(config, steps)
    if kind == "CosineDPMSolverMultistepScheduler":
        if config.solver_order == 1:
            return Rule("euler-ancestral", "euler-ancestral")
        return Rule(*(f"dpmpp-2m-sde:solver={config.solver_type}",) * 2)
    if kind == "DPMSolverSinglestepScheduler":
        return _singlestep(config, scheduler)
    if kind == "UniPCMultistepScheduler":
        order = config.solver_order
        text = (
            f"unipc:order={order},solver={config.solver_type},"
            f"corrector={'no' if config.disable_corrector else 'yes'},"
            f"prediction={'denoiser' if config.predict_x0 else 'noise'},"
            f"lower_order_final={'no' if order == 1 else 'always'}"
        )
        return Rule(text, text)
    if kind == "DEISMultistepScheduler":
        order = config.solver_order
        lower = "under15" if order > 1 and config.lower_order_final else "no"
        text = f"deis:order={order},lower_order_final={lower}"
        sigmas = np.asarray(scheduler.sigmas)
        repeated = sigmas[-1] == sigmas[-2]
        return Rule(text, f"{text},repeated_end={'yes' if repeated else 'no'}")
    if kind == "SASolverScheduler":
        return _sa_solver(scheduler, config)
    return None


_PLAIN = {
    "EulerDiscreteScheduler": "ddim",
    "EDMEulerScheduler": "ddim",
    "FlowMapEulerDiscreteScheduler": "ddim",
    "MiniMaxH3Scheduler": "ddim",
    "EulerAncestralDiscreteScheduler": "euler-ancestral",
    "DDPMWuerstchenScheduler": "ddpm-ancestral",
    "UnCLIPScheduler": "ddpm-ancestral",
    "HeunDiscreteScheduler": "edm",
    "FlowMatchHeunDiscreteScheduler": "edm",
    "KDPM2DiscreteScheduler": "dpm-2",
    "KDPM2AncestralDiscreteScheduler": "dpm-2-ancestral",
    "DPMSolverSDEScheduler": "dpmpp-sde",
    "PNDMScheduler": "plms",
    "CogVideoXDPMScheduler": "dpmpp-2m-sde",
    "FlowMatchLCMScheduler": "lcm",
    "LCMScheduler": "lcm:c_skip=yes",
}


def _call(name: str, given: Mapping[str, Any], keys: Mapping[str, str]) -> str:
    options = [
        f"{ours}={float(given[theirs])!r}" for theirs, ours in keys.items() if theirs in given
    ]
    return name + (":" + ",".join(options) if options else "")


def _algorithm(config: Any) -> tuple[str, str]:
    word = config.get("algorithm_type", "dpmsolver++")
    return ("denoiser" if word.endswith("++") else "noise"), "-sde" if word.startswith(
        "sde"
    ) else ""


def _multistep(config: Any, steps: int) -> Rule:
    model, sde = _algorithm(config)
    family = "dpm-solver" if model == "noise" else "dpmpp"
    is_short = steps < 15
    last = "no"
    if config.lower_order_final and is_short:
        last = "under15"
    elif config.euler_at_final:
        last = "always"
    elif config.lower_order_final:
        last = "under15"
    order, solver = config.solver_order, config.solver_type
    if order == 1:
        text = (
            "ddim" if not sde else "euler-ancestral" if model == "denoiser" else "dpm-solver-1-sde"
        )
        return Rule(text, text)
    if order == 2:
        text = f"{family}-2m{sde}:solver={solver},lower_order_final={last}"
        return Rule(text, text)
    text = f"{family}-3m{sde}:second={solver},lower_order_final={last}"
    return Rule(text, f"{text},variant=diffusers")


def _singlestep(config: Any, scheduler: Any) -> Rule:
    model, sde = _algorithm(config)
    order = config.solver_order
    if order == 1:
        return Rule(*("euler-ancestral" if sde else "ddim",) * 2)
    last = "yes" if scheduler.config.lower_order_final else "no"
    text = (
        f"dpm-solver-singlestep{sde}:{order},model={model},solver={config.solver_type},"
        f"lower_order_final={last}"
    )
    return Rule(text, f"{text},variant=diffusers" if sde else text)


def _sa_solver(scheduler: Any, config: Any) -> Rule:
    orders = (config.predictor_order, config.corrector_order)
    noise = config.algorithm_type == "noise_prediction"
    simple = orders != (1, 1) and not noise
    sigmas = np.asarray(scheduler.sigmas, dtype=float)
    repeated = bool((sigmas[1:] == sigmas[:-1]).any())
    options = (
        f"predictor={orders[0]},corrector={orders[1]},order_2={'simple' if simple else 'lagrange'},"
        f"prediction={'noise' if noise else 'data'},lower_order_final="
        f"{'diffusers' if config.lower_order_final else 'no'},"
        f"last={'corrected' if repeated else 'predicted'}"
    )
    times = np.asarray(scheduler.timesteps, dtype=float)
    taus = np.array([float(scheduler.tau_func(time)) for time in times])
    if (taus == taus[0]).all():
        return Rule(*(f"sa-solver:{options},tau={float(taus[0])!r}",) * 2)
    ratios = sigmas[: times.size]
    if config.get("use_flow_sigmas"):
        ratios = ratios / (1.0 - ratios)
    inside = ratios[taus > 0]
    low, high = float(inside.min()) * 0.999, float(inside.max()) * 1.001
    interval = f"tau_min={low!r},tau_max={high!r},tau_at=start"
    return Rule(*(f"sa-solver:{options},{interval}",) * 2)
