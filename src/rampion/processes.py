"""The same function over many jobs on all cores, results in the jobs' order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

Result = TypeVar("Result")
FEW = 4  # jobs that are not worth starting processes for


def in_processes(
    function: Callable[..., Result], jobs: Iterable[tuple[Any, ...]], workers: int | None = None
) -> Iterator[Result]:
    """``function(*job)`` for every job; yields each result in turn, while later jobs go on behind it.

    Processes are started once and kept for the next call. With one worker, or fewer than four jobs, everything is
    done in this process when its result is asked for. ``joblib.parallel_config`` sends the jobs elsewhere.

    Parameters
    ----------
    function : at module level, as its arguments and results travel between processes.
    workers : processes; by default one per core.
    """
    jobs = list(jobs)
    workers = min(workers or os.cpu_count() or 1, len(jobs))
    if len(jobs) < FEW or workers < 2:
        return (function(*job) for job in jobs)
    from joblib import Parallel, delayed

    run: Any = Parallel(n_jobs=workers, return_as="generator")
    return run(delayed(function)(*job) for job in jobs)
