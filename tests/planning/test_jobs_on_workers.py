"""Jobs on processes that die and on a local Dask cluster: each result once, the same numbers, or one clear sentence."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from planning_cells import CELL, RAMP
from sweep_jobs import busy_process, die_at_five, take_time

from rampion import processes
from rampion.errors import InputError, RampionError, RefusedError
from rampion.planning import parameter_sweep
from rampion.planning.parameter_sweep import ParameterSweep, product_grid, simulate_sweep
from rampion.processes import Lost, as_done

COUNT = 12


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0", "silence_logs": 50}
    with distributed.LocalCluster(**options) as started:
        yield started


def with_one_killed(tmp_path: Path, workers: int | None, scheduler: str | None) -> list[tuple[int, int | Lost]]:
    """Results in their order of arrival; when the second is there, the process last heard of is killed."""
    found: list[tuple[int, int | Lost]] = []
    jobs = [(number, str(tmp_path)) for number in range(COUNT)]
    for place, result in as_done(take_time, jobs, workers, scheduler):
        found.append((place, result))
        if len(found) == 2:
            os.kill(busy_process(tmp_path), signal.SIGKILL)
    return found


def test_a_worker_of_a_cluster_dies_in_the_middle_and_every_job_counts_once(cluster, tmp_path):
    found = with_one_killed(tmp_path, None, cluster.scheduler_address)
    assert sorted(found) == [(number, number**2) for number in range(COUNT)]
    begun = [path.stem for path in tmp_path.iterdir()]
    assert len(begun) > COUNT, "nothing was in hand when the worker died"


@pytest.mark.slow
def test_a_process_here_dies_in_the_middle_and_every_job_counts_once(tmp_path):
    found = with_one_killed(tmp_path, 2, None)
    assert sorted(found) == [(number, number**2) for number in range(COUNT)]


@pytest.mark.slow
@pytest.mark.parametrize("where", ["here", "cluster"])
def test_a_deadly_job_takes_no_other_with_it(request, where):
    scheduler = request.getfixturevalue("cluster").scheduler_address if where == "cluster" else None
    found = dict(as_done(die_at_five, [(number,) for number in range(COUNT)], 2, scheduler))
    assert isinstance(found.pop(5), Lost)
    assert found == {number: number**2 for number in range(COUNT) if number != 5}


def test_a_cluster_gives_the_same_numbers_and_leaves_the_same_files(cluster, tmp_path):
    pytest.importorskip("jax")
    varied = product_grid({"thickness": [0.5e-3, 1e-3], "scan_rate": [5e-5, 2e-4, 1e-3]})
    sweep = ParameterSweep(cell=CELL, protocol=RAMP, varied=varied)
    there = simulate_sweep(sweep, tmp_path / "there", scheduler=cluster.scheduler_address, chunk=2)
    here = simulate_sweep(sweep, tmp_path / "here", chunk=2)
    assert repr(there.rows) == repr(here.rows)
    names = [{path.name for path in (tmp_path / place / "chunks").iterdir()} for place in ("there", "here")]
    assert names[0] == names[1]
    assert simulate_sweep(sweep, tmp_path / "there").remembered == 6


@pytest.mark.slow
def test_a_parameter_sweep_outlives_its_workers(cluster, tmp_path):
    pytest.importorskip("jax")
    varied = product_grid({"thickness": np.geomspace(0.3e-3, 3e-3, 20), "scan_rate": [2e-5, 5e-5, 2e-4]})
    sweep = ParameterSweep(cell=CELL, protocol=RAMP, varied=varied)
    killed: list[int] = []

    def kill_a_busy_worker(done: int, of: int) -> None:
        busy = [worker for worker in cluster.scheduler.workers.values() if worker.processing]
        if done and busy and len(killed) < 2:
            killed.append(done)
            os.kill(cluster.workers[busy[0].name].process.pid, signal.SIGKILL)

    there = simulate_sweep(
        sweep, tmp_path, scheduler=cluster.scheduler_address, chunk=3, progress=kill_a_busy_worker
    )  # fmt: skip
    assert len(killed) == 2
    assert repr(there.rows) == repr(simulate_sweep(sweep).rows)  # as text, where NaN is NaN


def test_a_chunk_lost_is_flagged_and_tried_again(monkeypatch, tmp_path):
    pytest.importorskip("jax")
    sweep = ParameterSweep(cell=CELL, protocol=RAMP, varied={"thickness": np.array([0.5e-3, 1e-3])})
    monkeypatch.setattr(parameter_sweep, "as_done", lambda *_: iter([(1, Lost("died"))]))
    with pytest.raises(KeyError):  # a place that never came back is an error, not a row left out
        simulate_sweep(sweep, tmp_path, chunk=1)
    monkeypatch.setattr(parameter_sweep, "as_done", lambda *_: iter([(0, Lost("died")), (1, Lost("died"))]))
    rows = simulate_sweep(sweep, tmp_path, chunk=1).rows
    assert [[flag.code for flag in row.flags] for row in rows] == [["lost"], ["lost"]]
    monkeypatch.undo()
    again = simulate_sweep(sweep, tmp_path)
    assert again.remembered == 0
    assert not any(row.flags for row in again.rows)


def test_a_worker_with_other_code_is_refused(monkeypatch, tmp_path):
    sweep = ParameterSweep(cell=CELL, protocol=RAMP, varied={"thickness": np.array([1e-3])})
    monkeypatch.setattr(parameter_sweep, "as_done", lambda *_: iter([(0, ("another", ()))]))
    with pytest.raises(RefusedError, match="same versions"):
        simulate_sweep(sweep, tmp_path, scheduler="tcp://there:8786")


def test_a_cluster_that_is_not_there_is_one_sentence(monkeypatch):
    monkeypatch.setattr(processes, "ANSWER", 0.5)
    pytest.importorskip("distributed")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        free = taken.getsockname()[1]
    with pytest.raises(InputError, match="No Dask scheduler answers"):
        list(as_done(die_at_five, [(1,)], scheduler=f"tcp://127.0.0.1:{free}"))
    with pytest.raises(InputError, match="No Dask scheduler answers"):
        list(as_done(die_at_five, [(1,)], scheduler="nonsense"))


@pytest.mark.slow
def test_a_scheduler_lost_on_the_way_is_one_sentence(monkeypatch, tmp_path):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(processes, "ANSWER", 2.0)
    options = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": ":0", "silence_logs": 50}
    with distributed.LocalCluster(**options) as started:
        jobs = [(number, str(tmp_path)) for number in range(COUNT)]
        results = as_done(take_time, jobs, scheduler=started.scheduler_address)
        next(results)
        started.close()
        with pytest.raises(RampionError, match="was lost"):
            list(results)


def test_a_cluster_without_its_library_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(RefusedError, match=r"rampion\[cluster\]"):
        list(as_done(die_at_five, [(1,)], scheduler="tcp://127.0.0.1:8786"))
