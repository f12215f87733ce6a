"""Dask and Ray: the same bits as one process, also where a worker is lost."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import gaussmeter as gm
import numpy as np
import pytest

VALUES = np.random.default_rng(0).integers(0, 256, (3000, 3, 4, 5), dtype=np.uint8)


def _whole() -> gm.Spectrum:
    return gm.Spectrum.from_array(VALUES)


def _same(found: gm.Spectrum) -> bool:
    expected = _whole()
    assert found.mean is not None and expected.mean is not None
    return bool(
        (found.eigenvalues == expected.eigenvalues).all() and (found.mean == expected.mean).all()
    )


@pytest.mark.parametrize("chunks", [100, (7, 3, 4, 5), (1000, 1, 2, 5), 3000])
def test_dask_arrays(chunks: Any) -> None:
    array = pytest.importorskip("dask.array", reason="skipped: no dask.array")

    data = array.from_array(VALUES[:700] if chunks == (7, 3, 4, 5) else VALUES, chunks=chunks)
    found = gm.dask.spectrum(data)
    if chunks == (7, 3, 4, 5):
        assert (found.eigenvalues == gm.Spectrum.from_array(VALUES[:700]).eigenvalues).all()
    else:
        assert _same(found)


def test_dask_bags() -> None:
    bag = pytest.importorskip("dask.bag", reason="skipped: no dask.bag")

    assert _same(gm.dask.spectrum(bag.from_sequence(list(VALUES), npartitions=5)))


def test_dask_refuses_other_things() -> None:
    pytest.importorskip("dask", reason="skipped: no dask")

    with pytest.raises(gm.GaussmeterError, match="neither an array nor a bag"):
        gm.dask.spectrum([1, 2])


def _killed_once(block: Any, flag: str) -> Any:
    """A block whose worker is killed the first time it is asked for."""
    if not Path(flag).exists():
        Path(flag).touch()
        os._exit(1)
    return block


def test_dask_workers_and_one_that_is_killed(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="skipped: no dask.distributed")
    array = pytest.importorskip("dask.array", reason="skipped: no dask.array")

    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    )
    with cluster, distributed.Client(cluster):
        data = array.from_array(VALUES, chunks=(500, 3, 4, 5))
        assert _same(gm.dask.spectrum(data))
        flag = str(tmp_path / "killed")
        killed = data.map_blocks(_killed_once, flag, meta=VALUES[:0])
        assert _same(gm.dask.spectrum(killed))
        assert Path(flag).exists()


def test_ray() -> None:
    ray = pytest.importorskip("ray", reason="skipped: no ray")
    data = pytest.importorskip("ray.data")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        assert _same(gm.ray.spectrum(data.from_numpy(list(np.array_split(VALUES, 6)))))
    finally:
        ray.shutdown()
