"""Is what a reader made of a damaged file true? Points against those of the sound file, on one clock."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from structure_mutants import Expectation, Mutant

from rampion.errors import RampionError
from rampion.estimate import Severity
from rampion.measurement import CurrentOrigin, Experiment, Spectrum, Sweep, Trace
from rampion.readers.detect import read_file
from rampion.readers.flags import ReaderFlag

LIMIT = 20.0  # s for one case
_RELATIVE = 1e-6  # of a value printed with fewer digits after a change of unit
_COARSE = 5e-3  # CH Instruments prints four digits, and impedance in two forms
_ABSOLUTE = 1e-12


class Outcome(Enum):
    """What came of one case; the last five are faults of rampion."""

    TRUE = "all points"
    PART = "part of the points, flagged or not to be seen"
    REFUSED = "refused in a sentence"
    FLAGGED = "other numbers, flagged"
    UNJUDGED = "read; the file states something else"
    LOST = "points lost without a flag"
    WRONG = "other numbers without a flag"
    ERROR = "an error of another kind"
    HANG = "no end"


FAULTS = (Outcome.LOST, Outcome.WRONG, Outcome.ERROR, Outcome.HANG)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one case and, where it needs words, the words."""

    outcome: Outcome
    words: str = ""


class _TooLong(BaseException):
    pass


@contextmanager
def time_limit(seconds: float = LIMIT) -> Iterator[None]:
    """Stop what runs on for longer (in the main thread, where the system has timers)."""

    def stop(*_: object) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def guarded(action: Callable[[], Any]) -> tuple[Any, Verdict | None]:
    """What the action returns, or the verdict when it ends in a refusal, an error or not at all."""
    try:
        with time_limit():
            return action(), None
    except RampionError as error:
        text = str(error)
        kind = Outcome.ERROR if "in a way that is not understood" in text or len(text) < 20 else Outcome.REFUSED
        return None, Verdict(kind, text[:300])
    except _TooLong:
        return None, Verdict(Outcome.HANG)
    except Exception as error:
        return None, Verdict(Outcome.ERROR, f"{type(error).__name__}: {error}"[:300])


def _points(experiment: Experiment, kind: type) -> np.ndarray:
    """(n, 3) of all parts of a kind: potential, current, time or frequency, real, imaginary; NaN where not known."""
    rows = []
    for part in experiment.parts:
        if isinstance(part, kind) and isinstance(part, Spectrum):
            rows.append(np.column_stack([part.frequency, part.impedance.real, part.impedance.imag]))
        elif isinstance(part, kind) and isinstance(part, Trace):
            measured = part.current_origin is CurrentOrigin.MEASURED  # what is derived or set says so in the record
            current = part.current if measured else np.full(len(part), np.nan)
            rows.append(np.column_stack([part.potential, current, part.time]))
    return np.vstack(rows) if rows else np.empty((0, 3))


def _flagged(experiment: Experiment) -> bool:
    flags = [*experiment.flags, *(flag for part in experiment.parts for flag in part.flags)]
    return any(flag.severity is not Severity.NOTE for flag in flags)


def _noted(experiment: Experiment, sound: Experiment) -> bool:
    """Whether it carries a flag of any weight that the sound file does not."""

    def codes(one: Experiment) -> set[str]:
        return {flag.code for flag in [*one.flags, *(flag for part in one.parts for flag in part.flags)]}

    return bool(codes(experiment) - codes(sound))


def _match(seen: np.ndarray, truth: np.ndarray, columns: tuple[int, ...], relative: float = _RELATIVE) -> np.ndarray:
    """(n, m) whether each seen row agrees with each true one in these columns, as far as both are known.

    Real and imaginary part (the last two of three columns) agree as parts of one impedance.
    """
    agree = np.ones((len(seen), len(truth)), bool)
    for column in columns:
        a, b = seen[:, None, column], truth[None, :, column]
        size = np.maximum(np.abs(a), np.abs(b))
        if len(columns) == 3 and column:
            size = np.hypot(truth[None, :, 1], truth[None, :, 2])
        same = np.abs(a - b) <= relative * size + _ABSOLUTE
        agree &= same | np.isnan(a) | (np.isnan(a) & np.isnan(b))
    return agree


def compare(mutant: Experiment, sound: Experiment, expectation: Expectation) -> Verdict:
    """The verdict on what was read of a mutant whose file was sound before."""
    if expectation is Expectation.LIE:
        return Verdict(Outcome.UNJUDGED)
    wrong, lost = [], []
    coarse = any(part.source is not None and part.source.format.startswith("CH Instruments") for part in sound.parts)
    for kind, columns in ((Spectrum, (0, 1, 2)), (Trace, (0, 1))):
        seen, truth = _points(mutant, kind), _points(sound, kind)
        matches = _match(seen, truth, columns, _COARSE if coarse and kind is Spectrum else _RELATIVE)
        strange = ~matches.any(axis=1) if len(truth) else np.ones(len(seen), bool)
        if strange.any():
            at = int(np.argmax(strange))
            wrong.append(f"{int(strange.sum())} of {len(seen)} {kind.__name__} points, such as {seen[at].tolist()}")
        unknown = np.isnan(seen).all(axis=0) & ~np.isnan(truth).all(axis=0) if len(seen) and len(truth) else np.zeros(3)
        if unknown.any():
            lost.append(f"columns {np.flatnonzero(unknown).tolist()} of the {kind.__name__}")
        elif len(truth) and (missing := int((~matches.any(axis=0)).sum())):
            lost.append(f"{missing} of {len(truth)} {kind.__name__} points")
        if kind is Trace and len(seen) and len(truth) and not strange.any():
            wrong += _clock(mutant, sound)
    rates = {part.protocol.rate for part in sound.traces if isinstance(part.protocol, Sweep)}
    for part in mutant.traces:
        if (
            isinstance(part.protocol, Sweep)
            and rates
            and not any(np.isclose(part.protocol.rate, rate) for rate in rates)
        ):
            wrong.append(f"scan rate {part.protocol.rate} V/s")
    if wrong:
        return Verdict(Outcome.FLAGGED if _flagged(mutant) else Outcome.WRONG, "; ".join(wrong))
    if lost:
        seen_to = expectation is Expectation.FEWER or _flagged(mutant) or _noted(mutant, sound)
        return Verdict(Outcome.PART if seen_to else Outcome.LOST, "; ".join(lost))
    return Verdict(Outcome.TRUE)


def _clock(mutant: Experiment, sound: Experiment) -> list[str]:
    """Where intervals between points are not those of the sound file. Repeated points leave the choice open."""
    truth = _points(sound, Trace)
    if np.isnan(truth[:, 2]).any():
        return []
    wrong = []
    for part in mutant.traces:
        seen = np.column_stack([part.potential, part.current, part.time])
        laid_out = any(flag.code == ReaderFlag.TIME_LAID_OUT.name.lower() for flag in part.flags)
        if np.isnan(part.time).any() or len(seen) < 2 or laid_out:
            continue
        matches = _match(seen, truth, (0, 1))
        if (matches.sum(axis=1) != 1).any():
            continue
        offset = part.time - truth[np.argmax(matches, axis=1), 2]
        if np.ptp(offset) > 1e-3 + 1e-6 * np.abs(part.time).max():
            wrong.append(f"intervals off by {np.ptp(offset):.4g} s")
    return wrong


def judge(mutant: Mutant, sound: Experiment, folder: Path) -> Verdict:
    """Read the mutant from a file and compare."""
    path = folder / mutant.name
    path.write_bytes(mutant.content)
    experiment, verdict = guarded(lambda: read_file(path))
    return verdict or compare(experiment, sound, mutant.expectation)
