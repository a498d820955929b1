"""The same function over many jobs: on all cores of this machine, or on a Dask cluster.

Functions stand at module level, as they, their arguments and their results travel between processes.
"""

from __future__ import annotations

import os
import queue
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from rampion.errors import InputError, RampionError, RefusedError

Result = TypeVar("Result")
FEW = 4  # jobs that are not worth starting processes for
ANSWER = 20.0  # s: a scheduler that has not answered by then is not there, nor are its workers
PATIENCE = 300.0  # s without any worker


@dataclass(frozen=True, slots=True)
class Lost:
    """In place of a job's result: every process that took the job on died, and how."""

    reason: str


def in_processes(
    function: Callable[..., Result], jobs: Iterable[tuple[Any, ...]], workers: int | None = None
) -> Iterator[Result]:
    """``function(*job)`` for every job; yields each result in turn, while later jobs go on behind it.

    Processes are started once and kept for the next call. With one worker, or fewer than four jobs, everything is
    done in this process when its result is asked for. ``joblib.parallel_config`` sends the jobs elsewhere.

    Parameters
    ----------
    workers : processes; by default one per core.
    """
    jobs = list(jobs)
    workers = _processes_for(len(jobs), workers)
    if workers == 1:
        return (function(*job) for job in jobs)
    from joblib import Parallel, delayed

    run: Any = Parallel(n_jobs=workers, return_as="generator")
    return run(delayed(function)(*job) for job in jobs)


def _processes_for(count: int, workers: int | None) -> int:
    """How many processes so many jobs are worth; 1 is this one."""
    return 1 if count < FEW else min(workers or os.cpu_count() or 1, count)


def as_done(
    function: Callable[..., Result],
    jobs: Sequence[tuple[Any, ...]],
    workers: int | None = None,
    scheduler: str | None = None,
) -> Iterator[tuple[int, Result | Lost]]:
    """``function(*job)`` for every job; yields its place and its result as each is done, each job exactly once.

    A process that dies (killed, out of memory) costs time only: what it had in hand is given to another. A job under
    which the processes keep dying comes back as :class:`Lost`, the others do not suffer. An error that the function
    raises is raised here.

    Parameters
    ----------
    workers : processes on this machine, by default one per core; as in :func:`in_processes` few jobs start none.
    scheduler : address of a Dask scheduler, as ``tcp://host:8786``; the jobs go to its workers, which may come and go.

    Raises
    ------
    RefusedError
        When dask's distributed is not installed, here or rampion there.
    InputError
        When nothing answers at the address, or no worker is there.
    RampionError
        When the scheduler is lost on the way, or has no worker for ten minutes.
    """
    if scheduler is not None:
        return _on_cluster(function, jobs, scheduler)
    workers = _processes_for(len(jobs), workers)
    if workers == 1:
        return ((place, function(*job)) for place, job in enumerate(jobs))
    return _on_cores(function, jobs, workers)


def _placed(function: Callable[..., Result], place: int, job: tuple[Any, ...]) -> tuple[int, Result]:
    return place, function(*job)


def _on_cores(
    function: Callable[..., Result], jobs: Sequence[tuple[Any, ...]], workers: int
) -> Iterator[tuple[int, Result | Lost]]:
    """When a process dies the whole pool goes with it: what may have been in hand is done afterwards, one by one."""
    from concurrent.futures.process import BrokenProcessPool

    from joblib import Parallel, delayed

    def run(places: Sequence[int], count: int) -> Iterator[tuple[int, Result]]:
        options: Any = {"batch_size": 1, "pre_dispatch": ahead, "return_as": "generator_unordered"}
        pool: Any = Parallel(n_jobs=count, **options)
        return pool(delayed(_placed)(function, place, jobs[place]) for place in places)

    ahead = 2 * workers
    waiting, suspect = list(range(len(jobs))), []
    while waiting:
        try:
            for place, result in run(tuple(waiting), workers):
                waiting.remove(place)
                yield place, result
        except BrokenProcessPool:
            suspect, waiting = suspect + waiting[:ahead], waiting[ahead:]
    for place in suspect:
        try:
            yield from run((place,), 2)  # with one worker it would be done in this process
        except BrokenProcessPool as error:
            yield place, Lost(_reason(error))


def _reason(error: Exception) -> str:
    return f"the process that did it died, alone too ({type(error).__name__})"


def _on_cluster(
    function: Callable[..., Result], jobs: Sequence[tuple[Any, ...]], scheduler: str
) -> Iterator[tuple[int, Result | Lost]]:
    """No more jobs are sent than the workers can take soon, so that neither side has to hold all of them.

    The scheduler gives a job up when four workers died with it in hand, and cannot tell whose fault it was: such jobs
    are done once more at the end, one by one.
    """
    client = _client(scheduler)
    from concurrent.futures import CancelledError

    from distributed import KilledWorker
    from distributed.comm.core import CommClosedError

    try:
        done: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        waiting, suspect = list(range(len(jobs)))[::-1], []
        under_way: set[int] = set()

        def send(place: int) -> None:
            future = client.submit(function, *jobs[place], key=f"rampion-{uuid.uuid4().hex}", pure=False)
            under_way.add(place)
            future.add_done_callback(lambda future: done.put((place, future)))

        def fill() -> None:
            room = 2 * _threads(client, scheduler) + 2
            while waiting and len(under_way) < room:
                send(waiting.pop())
            if suspect and not waiting and not under_way:
                send(suspect[0])

        fill()
        while under_way:
            place, future = _next(done, client, scheduler)
            under_way.remove(place)
            try:
                result = future.result(timeout=PATIENCE)  # computed again, should its worker have died just now
            except KilledWorker as error:
                if place not in suspect:
                    suspect.append(place)
                else:
                    suspect.remove(place)
                    yield place, Lost(_reason(error))
            except ModuleNotFoundError as error:
                raise RefusedError(
                    f"A worker of {scheduler} lacks a module ({error}): install the same rampion[cell,cluster] on all "
                    "workers."
                ) from None
            except (CancelledError, CommClosedError, TimeoutError):
                raise _gone(scheduler) from None
            else:
                if place in suspect:
                    suspect.remove(place)
                yield place, result
            future.release()
            fill()
    finally:
        client.close()


def _client(scheduler: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise RefusedError(
            "Running on a cluster needs dask's distributed, which is not installed: run `pip install "
            "'rampion[cluster]'`."
        ) from None
    try:
        client = Client(scheduler, timeout=ANSWER, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"No Dask scheduler answers at {scheduler!r} ({type(error).__name__}): start one with `dask scheduler` and "
            "give the address that it prints, as tcp://host:8786."
        ) from None
    try:
        client.wait_for_workers(1, timeout=ANSWER)
    except TimeoutError:
        client.close()
        raise InputError(
            f"The scheduler at {scheduler} has no workers: start some with `dask worker {scheduler}`."
        ) from None
    return client


def _next(done: queue.SimpleQueue[tuple[int, Any]], client: Any, scheduler: str) -> tuple[int, Any]:
    """The next job that ended in any way; waits as long as there are workers, or may soon be again."""
    alone = 0.0
    while True:
        try:
            return done.get(timeout=ANSWER)
        except queue.Empty:
            alone = 0.0 if _threads(client, scheduler) else alone + ANSWER
            if alone >= PATIENCE:
                raise RampionError(
                    f"The scheduler at {scheduler} has had no worker for {PATIENCE / 60:g} minutes: start some and run "
                    "this again."
                ) from None


def _threads(client: Any, scheduler: str) -> int:
    """How many jobs the workers can do at once now."""
    try:
        if client.status == "running":
            return sum(client.nthreads().values())
    except OSError:  # no connection, or none within the time
        pass
    raise _gone(scheduler)


def _gone(scheduler: str) -> RampionError:
    return RampionError(f"The connection to the scheduler at {scheduler} was lost: start it and run this again.")
