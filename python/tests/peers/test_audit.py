"""``gaussmeter.audit``: what docs/findings.md says about diffusers comes out of it."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

import gaussmeter as gm
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: no probe of its code")
diffusers = pytest.importorskip("diffusers", reason="diffusers is not installed")
logging.getLogger("diffusers").setLevel(logging.ERROR)


def found(report: Any, options: str) -> list[str]:
    """What was found about the rows with these options."""
    return [text for _, given, text in report.findings if options in given]


def test_ddim() -> None:
    report = gm.audit(diffusers.DDIMScheduler)
    plain = next(row for row in report.rows if row.options == "")
    assert plain.order == pytest.approx(1.0, abs=0.2)
    assert plain.w2 == pytest.approx(plain.published_w2, rel=1e-3)
    assert plain.mean < 1e-6 and plain.told < 1e-5 and plain.output_noise == 0.0
    linspace = next(row for row in report.rows if row.options == "timestep_spacing=linspace")
    # docs/findings.md, with 20 steps: 2.15 and 3.10.
    assert linspace.published_w2 == pytest.approx(2.15, abs=0.01)
    assert linspace.w2 == pytest.approx(3.10, abs=0.01)
    assert any("different levels" in text for text in linspace.findings)
    assert any("timestep -1" in text for text in found(report, "timestep_spacing=trailing"))
    keeps = next(row for row in report.rows if row.options == "set_alpha_to_one=False")
    assert keeps.output_noise == pytest.approx(0.0292, abs=1e-3)


def test_a_sign_that_is_wrong_and_noise_from_different_paths() -> None:
    report = gm.audit(diffusers.DPMSolverSinglestepScheduler)
    texts = found(report, "solver_order=3, solver_type=heun, use_karras_sigmas=True, "
                          "algorithm_type=sde-dpmsolver++")  # fmt: skip
    assert any("does not converge" in text for text in texts)
    texts = found(report, "solver_order=2, solver_type=midpoint, use_karras_sigmas=True, "
                          "algorithm_type=sde-dpmsolver++")  # fmt: skip
    assert any("has" in text and "order" in text or "another rule" in text for text in texts)


def test_the_mean_that_ipndm_loses_and_eta_that_cogvideox_ignores() -> None:
    report = gm.audit(diffusers.IPNDMScheduler)
    assert any("loses the mean" in text for text in found(report, ""))
    report = gm.audit(diffusers.CogVideoXDDIMScheduler)
    w2 = {row.options: row.w2 for row in report.rows}
    assert w2["eta=1.0"] == pytest.approx(w2[""], rel=1e-9)
    assert any("W2 =" in text for text in found(report, "eta=1.0"))


def test_the_whole_of_diffusers() -> None:
    start = time.process_time()
    report = gm.audit("diffusers")
    taken = time.process_time() - start
    print(f"{len(report.rows)} rows, {len(report.findings)} findings, {taken:.0f} s")
    assert taken < 300
    assert len(report.rows) > 250 and len(report.skipped) == 13

    def of(scheduler: str, options: str) -> str:
        texts = [t for s, o, t in report.findings if s == scheduler and options in o]
        assert texts, (scheduler, options)
        return "; ".join(texts)

    # What docs/findings.md says of diffusers.
    multistep, single = "DPMSolverMultistepScheduler", "DPMSolverSinglestepScheduler"
    assert "order" in of("EDMDPMSolverMultistepScheduler", "solver_order=3")
    third = "solver_order=3, solver_type=midpoint, use_karras_sigmas=True"
    assert "another rule" in of(multistep, f"{third}, algorithm_type=sde-dpmsolver++")
    for solver in ("midpoint", "heun"):
        assert "order" in of(single, f"solver_order=2, solver_type={solver}, "
                             "use_karras_sigmas=True, algorithm_type=sde")  # fmt: skip
    assert "does not converge" in of(single, "solver_order=3, solver_type=heun, "
                                     "use_karras_sigmas=True, algorithm_type=sde")  # fmt: skip
    for scheduler in ("DDIMScheduler", "PNDMScheduler", "CogVideoXDDIMScheduler"):
        assert "different levels" in of(scheduler, "timestep_spacing=linspace")
        assert "61 steps end at timestep -1" in of(scheduler, "timestep_spacing=trailing")
    assert "different levels" in of("EulerDiscreteScheduler", "s_churn")
    assert "loses the mean" in of("IPNDMScheduler", "")
    assert "does not converge" in of("LCMScheduler", "")
    for scheduler in (multistep, single, "UniPCMultistepScheduler", "EulerDiscreteScheduler"):
        assert "schedule is not the publication's" in of(scheduler, "use_beta_sigmas")
    for scheduler in ("DEISMultistepScheduler", "SASolverScheduler"):
        assert "listed twice" in of(scheduler, "use_karras_sigmas")
    for scheduler in (multistep, single, "UniPCMultistepScheduler", "SASolverScheduler"):
        assert "whole timesteps" in of(scheduler, "use_exponential_sigmas")
    # And what it did not say.
    assert "W2" in of("CogVideoXDDIMScheduler", "eta=1.0")
    assert "loses the mean" in of("PNDMScheduler", "prediction_type=v_prediction")
    assert "over no time" in of("CosineDPMSolverMultistepScheduler", "final_sigmas_type=sigma_min")
    assert "told is off" in of("EulerDiscreteScheduler", "interpolation_type=log_linear")
    assert "does not converge" in of("FlowMatchHeunDiscreteScheduler", "s_churn")


def test_reports_are_tables_pages_and_documents() -> None:
    seen = []
    scheduler = diffusers.EulerDiscreteScheduler()
    report = gm.audit(scheduler, watch=lambda done, whole, name: seen.append((done, whole, name)))
    assert seen == [(0, 1, seen[0][2])] and "EulerDiscreteScheduler" in seen[0][2]
    assert "EulerDiscreteScheduler" in str(report) and "<table>" in report._repr_html_()
    document = json.loads(report.to_json())
    assert document["versions"]["diffusers"] == diffusers.__version__
    assert document["rows"][0]["evaluations"] == 20
    with pytest.raises(gm.GaussmeterError, match="not known to audit"):
        gm.audit("numpy")
    with pytest.raises(gm.GaussmeterError, match="its states are tokens"):
        gm.audit(diffusers.VQDiffusionScheduler)
