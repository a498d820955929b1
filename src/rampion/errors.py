"""What can go wrong, in one sentence each: found, expected, what to do. Each kind has the shell's exit code."""

from __future__ import annotations


class RampionError(Exception):
    """Any error that rampion raises on purpose; its text is one sentence for the user."""

    exit_code = 1


class InputError(RampionError, ValueError):
    """A value or a file is not what was expected."""

    exit_code = 3


class DecisionError(InputError):
    """What a person decided or asked for cannot be followed; it concerns the whole run, not one sample."""


class RefusedError(RampionError):
    """The input is understood and deliberately not processed: unsupported format, missing extra, unsafe request."""

    exit_code = 4


class NotConvergedError(RampionError, ArithmeticError):
    """A numerical method stopped before its tolerance."""

    exit_code = 5
