"""Runs exported code of diffusers in pipelines whose configurations say otherwise.

    python export_flags.py exports.json > ../fixtures/export_flags.json

exports.json: a list of what `gaussmeter export --json` writes, with "process", "grid", "steps",
"sampler", "to", "runner", "code" and "w2" (of eigenvalues EIGENVALUES). The code is run as it is: `pipe`
is a pipeline whose network is the exact denoiser in float64 at the noise level of the scheduler. W2 is
exact: the run is linear in its noises, so each of them is replaced by 1 once. Needs diffusers 0.42.1.
"""

import inspect
import itertools
import json
import re
import sys
import warnings

import numpy as np
import torch
import diffusers
import diffusers.schedulers as schedulers

warnings.filterwarnings("ignore")
diffusers.logging.set_verbosity(diffusers.logging.CRITICAL)

EIGENVALUES = [1e-4, 1e-3, 1e-2, 0.1, 0.5, 1.0, 4.0, 20.0, 200.0]
LAMBDA = torch.tensor(EIGENVALUES, dtype=torch.float64).reshape(1, 1, 1, -1)

# What a configuration may say instead, for every key of the six classes.
OTHERS = {
    "use_karras_sigmas": [True],
    "use_exponential_sigmas": [True],
    "use_beta_sigmas": [True],
    "use_lu_lambdas": [True],
    "use_flow_sigmas": [True],
    "use_dynamic_shifting": [True],
    "solver_type": ["heun"],
    "solver_order": [1, 2, 3],
    "algorithm_type": ["dpmsolver++", "sde-dpmsolver++"],
    "thresholding": [True],
    "dynamic_thresholding_ratio": [0.5],
    "sample_max_value": [0.5],
    "clip_sample": [True],
    "clip_sample_range": [0.5],
    "lower_order_final": [False],
    "euler_at_final": [True],
    "final_sigmas_type": ["sigma_min"],
    "lambda_min_clipped": [-1.0],
    "timestep_spacing": ["linspace", "trailing"],
    "steps_offset": [1],
    "timestep_type": ["continuous"],
    "interpolation_type": ["log_linear"],
    "sigma_min": [0.1],
    "sigma_max": [5.0],
    "sigma_data": [1.0],
    "sigma_schedule": ["exponential"],
    "rho": [3.0],
    "shift": [5.0],
    "flow_shift": [5.0],
    "base_shift": [1.0],
    "max_shift": [3.0],
    "base_image_seq_len": [16],
    "max_image_seq_len": [512],
    "invert_sigmas": [True],
    "shift_terminal": [0.1],
    "time_shift_type": ["linear"],
    "stochastic_sampling": [True],
    "variance_type": ["fixed_large"],
    "prediction_type": ["v_prediction", "sample"],
}
# The model's: kept as they are, since the network was trained so.
MODEL = [
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "prediction_type",
    "rescale_betas_zero_snr",
    "timestep_type",
    "sigma_data",
]
STABLE_DIFFUSION = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


class Noises:
    """Draws zeros, but for one of them, which is 1 everywhere."""

    def __init__(self, which):
        self.which, self.drawn = which, 0

    def __call__(self, shape, *_, dtype=None, **__):
        value = 1.0 if self.drawn == self.which else 0.0
        self.drawn += 1
        return torch.full(tuple(shape), value, dtype=torch.float64)


def network(scheduler, x):
    """What the network answers to a state of the scheduler, and what it was given."""
    index = getattr(scheduler, "step_index", None) or 0
    name = type(scheduler).__name__
    kind = getattr(scheduler.config, "prediction_type", "velocity")
    if name == "DDPMScheduler":
        alpha_bar = scheduler.alphas_cumprod[scheduler.told].double()
        alpha, sigma = alpha_bar**0.5, (1 - alpha_bar) ** 0.5
    elif name == "FlowMatchEulerDiscreteScheduler":
        sigma = scheduler.sigmas[index].double()
        alpha = 1 - sigma
    else:
        ratio = scheduler.sigmas[index].double()
        alpha = (1 + ratio**2) ** -0.5
        sigma = ratio * alpha
        if name == "EDMEulerScheduler":
            # Its network is given x/√(σ² + σ_data²) of x = x_0 + σ z.
            x = x * (ratio**2 + scheduler.config.sigma_data**2) ** 0.5
            alpha, sigma = torch.ones(()).double(), ratio
    denoised = alpha * LAMBDA / (alpha**2 * LAMBDA + sigma**2) * x
    noise = sigma / (alpha**2 * LAMBDA + sigma**2) * x
    if name == "FlowMatchEulerDiscreteScheduler":
        return noise - denoised
    if name == "EDMEulerScheduler":
        data = scheduler.config.sigma_data
        c_skip = data**2 / (sigma**2 + data**2)
        c_out = sigma * data / (sigma**2 + data**2) ** 0.5
        sign = -1 if kind == "v_prediction" else 1
        return sign * (denoised - c_skip * x) / c_out
    return {
        "epsilon": noise,
        "v_prediction": alpha * noise - sigma * denoised,
        "sample": denoised,
    }[kind]


def sampled(scheduler, noises, **lists):
    """The output of a pipeline for the noises given."""
    scheduler.set_timesteps(**lists)
    start = getattr(scheduler, "init_noise_sigma", 1.0)
    x = noises(LAMBDA.shape) * start
    for t in scheduler.timesteps:
        scheduler.told = t
        given = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
        output = network(scheduler, given)
        x = scheduler.step(output, t, x, return_dict=False)[0].double()
    return x.flatten().numpy()


class Pipe:
    """A pipeline: `pipe.scheduler`, and a call with a list."""

    def __init__(self, config):
        self.config, self.result = config, None
        self.scheduler = type("Scheduler", (), {"config": config})()

    def __call__(self, prompt, **lists):
        self.result = law(lambda noises: sampled(self.scheduler, noises, **lists))
        return type("Output", (), {"images": None})()


def law(run):
    """Standard deviation of the output per eigenvalue."""
    total, which = 0.0, 0
    while True:
        noises = Noises(which)
        for module in (schedulers.scheduling_ddpm, schedulers.scheduling_dpmsolver_multistep,
                       schedulers.scheduling_heun_discrete, schedulers.scheduling_euler_discrete,
                       schedulers.scheduling_flow_match_euler_discrete):
            module.randn_tensor = noises
        torch_randn_like = torch.randn_like
        torch.randn_like = lambda x, **_: noises(x.shape)
        try:
            output = run(noises)
        finally:
            torch.randn_like = torch_randn_like
        total = total + output**2
        which += 1
        if which >= noises.drawn:
            return np.sqrt(total)


def w2(code, config):
    pipe = Pipe(config)
    scope = {"pipe": pipe, "prompt": ""}
    if "unet(" in code:
        # A loop of one's own: the same network, and the list by the code's own lines.
        head = code[: code.index("x = torch.randn")].replace("pipe.scheduler = scheduler", "")
        def run(noises):
            exec(head, scope)
            scheduler = scope["scheduler"]
            scheduler.told = None
            x = noises(LAMBDA.shape) * scheduler.init_noise_sigma
            for t in scheduler.timesteps:
                output = network(scheduler, scheduler.scale_model_input(x, t))
                x = scheduler.step(output, t, x).prev_sample.double()
            return x.flatten().numpy()
        std = law(run)
    else:
        exec(code, scope)
        std = pipe.result
    return float(np.sqrt(np.sum((std - np.sqrt(EIGENVALUES)) ** 2)))


def answer(code, config):
    try:
        value = w2(code, config)
        return value if np.isfinite(value) else str(value)
    except Exception as error:
        return type(error).__name__


def without(code, key):
    """The code with one pin taken out."""
    return re.sub(rf"(?<=[ ]){key}=[^,\n]*,?[ ]?", "", code)


def main(path):
    exports = json.load(open(path))
    keys, cases = {}, []
    for export in exports:
        name, code = export["runner"], export["code"]
        parameters = list(inspect.signature(getattr(schedulers, name).__init__).parameters)[1:]
        base = dict(STABLE_DIFFUSION) if "beta_start" in parameters else {}
        pinned = [k for k in parameters if re.search(rf"[ ]{k}=", code[code.index("from_config") :])]
        runs, table = {}, keys.setdefault(name, {})
        runs["plain"] = answer(code, base)
        for key in parameters:
            if key in MODEL and key not in OTHERS:
                table[key] = "model"
                continue
            flips = {f"{key}={value}": {**base, key: value} for value in OTHERS[key]}
            runs.update({flip: answer(code, config) for flip, config in flips.items()})
            if key in pinned:
                bare = [answer(without(code, key), config) for config in flips.values()]
                matters = any(not isinstance(b, float) or abs(b - export["w2"]) > 1e-4 * export["w2"] for b in bare)
                # A key that matters for one of the exports matters.
                if matters or table.get(key) == "pinned":
                    table[key] = "pinned"
                else:
                    table[key] = "pinned, without influence here"
            else:
                table[key] = "model" if key in MODEL else "without influence"
        # All flags at once, with every choice of a prediction.
        all_flags = {k: v[-1] for k, v in OTHERS.items() if k in parameters and k != "prediction_type"}
        for kind in OTHERS["prediction_type"] if "prediction_type" in parameters else [None]:
            if name == "EDMEulerScheduler" and kind == "sample":
                continue
            config = {**base, **all_flags, **({"prediction_type": kind} if kind else {})}
            runs[f"all flags, {kind}"] = answer(code, config)
        for file in sys.argv[2:]:
            config = json.load(open(file))
            if "beta_start" in parameters and config.get("beta_start") != 0.00085:
                continue
            runs[file.rsplit("/", 1)[-1]] = answer(code, config)
        if name == "EDMEulerScheduler":
            runs.pop("prediction_type=sample")  # not one of its own
        # Runs by their result: nearly all have the same.
        groups = [[v, [k for k, w in runs.items() if w == v]] for v in dict.fromkeys(runs.values())]
        cases.append({**export, "runs": groups})
        worst = [f"{k}: {v}" for k, v in runs.items() if not isinstance(v, float) or abs(v / export["w2"] - 1) > 3e-6]
        print(name, export["sampler"], export["w2"], len(runs), "runs;", worst, file=sys.stderr)
    provenance = (
        "exported code run by diffusers 0.42.1 with torch 2.15.0 in pipelines whose configurations say"
        " otherwise, by tests/record/export_flags.py; every group of runs has the W2 before it"
    )
    text = json.dumps({"provenance": provenance, "eigenvalues": EIGENVALUES, "keys": keys, "cases": cases}, indent=1)
    print(re.sub(r"\[\n\s+([^\[\]{}]*?)\n\s+\]", lambda m: "[" + re.sub(r"\s*\n\s*", " ", m[1]) + "]", text))


main(sys.argv[1])
