"""The same question has the same answer, to the last digit, on the command line and here."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gaussmeter as gm
import numpy as np
import pytest

Ask = Callable[..., dict[str, Any]]

QUESTIONS: list[tuple[str, Callable[[], Any]]] = [
    (
        "eval --sampler heun --nfe 50 --eps 1e-3",
        lambda: gm.evaluate(sampler="heun", nfe=50, eps=1e-3),
    ),
    (
        "eval --sampler dpmpp-2m-sde:eta=0.5 --process edm --grid karras:rho=5 --steps 10 --modes",
        lambda: gm.evaluate(
            "cifar10",
            gm.samplers.dpmpp_2m_sde(eta=0.5),
            "edm",
            gm.grids.karras(rho=5),
            steps=10,
            modes=True,
        ),
    ),
    (
        "eval --sampler em --points 1000 --init exact --spectrum spiked:d=784,rank=20",
        lambda: gm.evaluate("spiked:d=784,rank=20", "em", points=1000, init="exact"),
    ),
    (
        "eval --sampler heun --network gain:delta=-0.05 --process edm:sigma_max=60",
        lambda: gm.evaluate(
            sampler="heun", network=gm.networks.gain(delta=-0.05), process="edm:sigma_max=60"
        ),
    ),
    (
        "eval --sampler heun --network samples:n=5000 --spectrum power-law:d=64,alpha=1.5",
        lambda: gm.evaluate("power-law:d=64,alpha=1.5", "heun", network="samples:n=5000"),
    ),
    ("table", lambda: gm.table()),
    ("table --paper", lambda: gm.table(paper=True)),
    (
        "table --sampler em,heun --steps 25,50 --eps 1e-3,1e-4 --metric kl-forward --init exact",
        lambda: gm.table(
            sampler=["em", "heun"],
            steps=[25, 50],
            eps=[1e-3, 1e-4],
            metric="kl-forward",
            init="exact",
        ),
    ),
    ("curve --nfe 20", lambda: gm.curve(nfe=20)),
    (
        "curve --against eps --sampler heun --nfe 20 --target marginal",
        lambda: gm.curve(sampler="heun", against="eps", nfe=20, target="marginal"),
    ),
    ("modes --nfe 20 --sampler em,heun", lambda: gm.modes(nfe=20, sampler="em,heun")),
    (
        "steps --sampler dpmpp-2m --process edm --grid karras",
        lambda: gm.steps(None, "dpmpp-2m", "edm", "karras"),
    ),
    ("rank --nfe 12", lambda: gm.rank(nfe=12)),
    (
        "pareto --sampler ddim,heun --nfe 5..9 --process edm --grid karras,exponential",
        lambda: gm.pareto(
            sampler=["ddim", "heun"], nfe=range(5, 10), process="edm", grid="karras,exponential"
        ),
    ),
    (
        "schedules --sampler ddim --steps 4 --grid karras:rho=3,tangent",
        lambda: gm.schedules(sampler="ddim", steps=4, grid=["karras:rho=3", "tangent"]),
    ),
    ("schedules --nfe 4 --sampler ddim", lambda: gm.schedules(sampler="ddim", nfe=4)),
    ("tune --sampler dpmpp-2m --nfe 4", lambda: gm.tune(sampler="dpmpp-2m", nfe=4)),
    (
        "tune --sampler ddim --steps 4 --free start,end --objective w2 --starts 2 --seed 7",
        lambda: gm.tune(
            sampler="ddim", steps=4, free=("start", "end"), objective="w2", starts=2, seed=7
        ),
    ),
    (
        "tune --sampler ddim --steps 3 --free eta --network gain:delta=-0.1 --starts 2",
        lambda: gm.tune(sampler="ddim", steps=3, free="eta", network="gain:delta=-0.1", starts=2),
    ),
    (
        "curve --against both --sampler em,heun --nfe 10",
        lambda: gm.curve(sampler="em,heun", nfe=10, against="both"),
    ),
    (
        "plane --covariance 1,0.5,2 --mean 1,0 --sampler heun --steps 4 --paths 2 --seed 3",
        lambda: gm.plane([[1, 0.5], [0.5, 2]], "heun", mean=[1, 0], steps=4, paths=2, seed=3),
    ),
    (
        "recommend --sampler ddim,dpmpp-2m --nfe 4 --front 4",
        lambda: gm.recommend(sampler=["ddim", "dpmpp-2m"], nfe=4, front=[4]),
    ),
    ("show dpmpp-2m --steps 3", lambda: gm.show("dpmpp-2m", steps=3)),
    (
        "info power-law:d=3072,alpha=1.5 --tolerance 0.1,0.01 --against cifar10",
        lambda: gm.info("power-law:d=3072,alpha=1.5", tolerance=[0.1, 0.01], against="cifar10"),
    ),
]


@pytest.mark.parametrize(("command", "ask"), QUESTIONS, ids=[command for command, _ in QUESTIONS])
def test_documents_are_the_same(cli_json: Ask, command: str, ask: Callable[[], Any]) -> None:
    own = ask()
    assert own.document == cli_json(*command.split())
    assert json.loads(own.to_json()) == own.document


@pytest.mark.parametrize("format", ["text", "markdown", "latex", "csv"])
@pytest.mark.parametrize(
    ("command", "ask"), QUESTIONS[5:9], ids=[command for command, _ in QUESTIONS[5:9]]
)
def test_texts_are_the_same(
    cli: Callable[..., str], command: str, ask: Callable[[], Any], format: str
) -> None:
    own = getattr(ask(), f"to_{format}")()
    assert own == cli(*command.split(), "--format", format)


def test_the_text_of_a_result_is_what_is_printed(cli: Callable[..., str]) -> None:
    command = "eval --sampler heun --nfe 50".split()
    assert repr(gm.evaluate(sampler="heun", nfe=50)) == cli(*command).rstrip("\n")


@pytest.mark.parametrize("to", ["comfyui", "k-diffusion", "flow", "diffusers"])
def test_exports_are_the_same(cli: Callable[..., str], to: str) -> None:
    process = {"diffusers": "vp-discrete", "flow": "flow"}.get(to, "edm")
    sampler = "euler" if to == "flow" else "dpmpp-2m"
    command = f"export --to {to} --sampler {sampler} --process {process} --steps 5".split()
    own = gm.export(to, sampler, process=process, steps=5)
    assert own.code == cli(*command)
    assert own.list == cli(*command, "--format", "list")
    assert own.to_json() == cli(*command, "--format", "json")
    assert len(own.values) in (5, 6)


def test_citations_are_the_same(cli: Callable[..., str]) -> None:
    command = "cite heun,dpmpp-2m --process edm --grid karras --spectrum cifar10 --metric w2"
    own = gm.cite(
        ["heun", "dpmpp-2m"], process="edm", grid="karras", spectrum="cifar10", metric="w2"
    )
    assert own == cli(*command.split())


def test_lists_are_the_same(cli_json: Ask) -> None:
    entries = cli_json("list")["entries"]
    families = {
        "sampler": gm.samplers,
        "process": gm.processes,
        "grid": gm.grids,
        "spectrum": gm.spectra,
        "init": gm.inits,
        "metric": gm.metrics,
        "objective": gm.objectives,
        "network": gm.networks,
    }
    for family, own in families.items():
        named = [entry["name"] for entry in entries if entry["family"] == family]
        if family in ("sampler", "process", "grid", "metric", "objective", "network"):
            assert named, family
        if named:
            assert own() == named
            for entry in (entry for entry in entries if entry["family"] == family):
                member = own[entry["name"]]
                assert member.summary == entry["summary"]
                assert [p["name"] for p in member.entry["parameters"]] == [
                    p["name"] for p in entry["parameters"]
                ]


def test_spectra_of_data_are_the_same(cli: Callable[..., str], tmp_path: Path) -> None:
    samples = np.random.default_rng(1).integers(0, 256, (200, 3, 5, 5), dtype=np.uint8)
    np.save(tmp_path / "data.npy", samples)
    cli("spectrum", str(tmp_path / "data.npy"), "-o", str(tmp_path / "theirs.npz"))
    theirs = gm.Spectrum.load(tmp_path / "theirs.npz")
    for own in (
        gm.Spectrum.from_array(samples),
        gm.Spectrum.from_images(tmp_path / "data.npy"),
        gm.Spectrum.from_batches([samples[:64], samples[64:65], samples[65:]]),
    ):
        assert (own.eigenvalues == theirs.eigenvalues).all()
        assert own.mean is not None and theirs.mean is not None
        assert (own.mean == theirs.mean).all()
    own = gm.Spectrum.from_array(samples)
    own.save(tmp_path / "own.npz")
    asked = ["eval", "--sampler", "heun", "--nfe", "10", "--format", "json", "--spectrum"]
    mine, other = (
        json.loads(cli(*asked, str(tmp_path / f"{name}.npz"))) for name in ("own", "theirs")
    )
    assert mine["w2"] == other["w2"] == gm.evaluate(own, "heun", nfe=10).w2


def test_samples_are_the_same(cli: Callable[..., str], tmp_path: Path) -> None:
    samples = np.random.default_rng(2).normal(size=(60, 12))
    own = gm.Spectrum.from_array(samples, basis=True)
    path = tmp_path / "model.npz"
    own.save(path)
    for options, asked in (
        ([], {}),
        (
            ["--sampler", "em", "--process", "edm", "--grid", "karras", "--steps", "7"],
            {"sampler": "em", "process": "edm", "grid": "karras", "steps": 7},
        ),
        (["--times", "3"], {"times": 3}),
        (
            ["--sampler", "heun", "--steps", "4", "--compare"],
            {"sampler": "heun", "steps": 4, "compare": True},
        ),
    ):
        output = tmp_path / "samples.npz"
        cli("sample", str(path), "--count", "5", "--seed", "3", "-o", str(output), *options)
        expected = np.load(output)["samples"]
        found = gm.sample(own, 5, seed=3, **asked)  # type: ignore[arg-type]
        assert found.values.shape == expected.shape
        assert (found.values == expected).all()


def test_moments_are_those_that_the_command_line_merges(
    cli: Callable[..., str], tmp_path: Path
) -> None:
    samples = np.random.default_rng(4).integers(0, 256, (90, 4), dtype=np.uint8)
    np.save(tmp_path / "data.npy", samples)
    parts = []
    for index in (1, 2, 3):
        part = tmp_path / f"part{index}.npz"
        cli("spectrum", str(tmp_path / "data.npy"), "--part", f"{index}/3", "-o", str(part))
        parts.append(gm.Moments.load(part))
    whole = sum(parts[1:], parts[0]).spectrum()
    assert (whole.eigenvalues == gm.Spectrum.from_array(samples).eigenvalues).all()


def test_verification_is_the_same(cli_json: Ask, cli: Callable[..., str], tmp_path: Path) -> None:
    samples = np.random.default_rng(5).normal(size=(80, 4)) + 3 * np.eye(4)[np.arange(80) % 4]
    np.save(tmp_path / "data.npy", samples)
    law = tmp_path / "law.npz"
    cli("mixture", str(tmp_path / "data.npy"), "--clusters", "3", "-o", str(law))
    asked: dict[str, Any] = {"sampler": "ddim,dpmpp-2m", "grid": "karras", "steps": [3, 5]}
    own = gm.verify(law, starts=32, **asked)
    theirs = cli_json(
        *f"verify --data {law} --sampler ddim,dpmpp-2m --grid karras --steps 3,5".split(),
        *("--starts", "32"),
    )
    assert own.document == theirs
    made = gm.mixture(samples, clusters=3, name="law.npz")
    again = pickle.loads(pickle.dumps(made))
    assert repr(again) == repr(made)
    again.save_law(tmp_path / "again.npz")
    for data in (made, again, tmp_path / "again.npz"):
        found = gm.verify(data, starts=32, **asked)
        assert [check["rms"] for check in found.checks] == [check["rms"] for check in own.checks]
    advice = gm.recommend(made, "ddim", nfe=3, front=[3], verify=True)
    assert advice.document["verification"]
    assert gm.evaluate(made, "ddim", nfe=3).w2 == gm.evaluate(law, "ddim", nfe=3).w2
    assert (made.gaussian.eigenvalues == gm.Spectrum.load(law).eigenvalues).all()
    for command, make in (("empirical", gm.empirical), ("separable", gm.separable)):
        cli(command, str(tmp_path / "data.npy"), "-o", str(tmp_path / "other.npz"))
        theirs = gm.verify(tmp_path / "other.npz", starts=8, **asked)
        mine = gm.verify(make(tmp_path / "data.npy"), starts=8, **asked)
        assert [check["rms"] for check in mine.checks] == [check["rms"] for check in theirs.checks]


def test_guidance_with_eigenvectors_is_the_same(cli_json: Ask, tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    data = rng.normal(size=(80, 4)) @ rng.normal(size=(4, 4))
    own = gm.Spectrum.from_array(data, basis=True)
    own.save(tmp_path / "all.npz")
    gm.Spectrum.from_array(data[:30], basis=True).save(tmp_path / "class.npz")
    network = f"guided:class={tmp_path / 'class.npz'},w=2"
    command = ["eval", "--sampler", "ddim", "--nfe", "8", "--network", network, "--spectrum"]
    theirs = cli_json(*command, str(tmp_path / "all.npz"))
    found = gm.evaluate(tmp_path / "all.npz", "ddim", nfe=8, network=network)
    assert found.document == theirs
    assert gm.evaluate(own, "ddim", nfe=8, network=network).w2 == found.w2
    without = gm.Spectrum.from_eigenvalues(own.eigenvalues)
    assert "same eigenvectors" in gm.evaluate(without, "ddim", nfe=8, network=network).notices[0]


def test_textures_are_the_same(cli: Callable[..., str], tmp_path: Path) -> None:
    pixels = np.random.default_rng(6).integers(0, 256, (6, 7, 3), dtype=np.uint8)
    header = b"P6 7 6 255\n"
    (tmp_path / "picture.ppm").write_bytes(header + pixels.tobytes())
    cli("texture", str(tmp_path / "picture.ppm"), "--periodic", "-o", str(tmp_path / "t.npz"))
    theirs = gm.Spectrum.load(tmp_path / "t.npz")
    own = gm.texture(tmp_path / "picture.ppm", periodic=True)
    assert own.eigenvalues == pytest.approx(theirs.eigenvalues, rel=1e-12)
    assert (gm.sample(own, 3).values == gm.sample(theirs, 3).values).all()
    assert gm.sample(own, 1, size=(12, 14)).values.shape == (1, 3, 12, 14)
