"""What failed becomes a flag with its name, so that one bad input never takes the others with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from rampion.errors import RampionError
from rampion.estimate import Flag, FlagKind, Severity

Result = TypeVar("Result")


class StudyFlag(FlagKind):
    """What went wrong with a sample of a campaign, or with a part of the work on it."""

    SAMPLE_FAILED = (
        Severity.INVALID,
        "{name} could not be analysed and is missing from the results ({reason}): this is a fault of rampion, please "
        "report it with the file.",
    )
    SAMPLE_REFUSED = (Severity.INVALID, "{name} could not be analysed and is missing from the results: {reason}")
    SPECTRA_FAILED = (
        Severity.INVALID,
        "The spectra of {name} could not be analysed and are missing from the results ({reason}).",
    )
    STEP_FAILED = (
        Severity.INVALID,
        "The {step} could not be computed ({reason}) and are missing: this is a fault of rampion, please report it.",
    )


@dataclass(frozen=True, slots=True)
class Lost:
    """In place of a sample's analysis: the flag that names it, and the error."""

    flag: Flag
    error: RampionError


def reason_of(error: Exception) -> str:
    """What went wrong, in a few words; an error of rampion's own is a sentence already."""
    if isinstance(error, RampionError):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def lost_sample(name: str, error: Exception) -> Lost:
    """The sample of that name, which this error ended."""
    known = isinstance(error, RampionError)
    kind = StudyFlag.SAMPLE_REFUSED if known else StudyFlag.SAMPLE_FAILED
    flag = kind.flag(name=name, reason=reason_of(error))
    return Lost(flag, error if isinstance(error, RampionError) else RampionError(flag.message))


def attempt(flags: list[Flag], step: str, default: Result, function: Callable[[], Result]) -> Result:
    """What the function gives; where it fails the default, with a flag that names the ``step``."""
    try:
        return function()
    except Exception as error:
        flags.append(StudyFlag.STEP_FAILED.flag(step=step, reason=reason_of(error)))
        return default
