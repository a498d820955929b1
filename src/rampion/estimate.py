"""A number with its uncertainty and verdict, and the findings ("flags") that travel with numbers and records."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from rampion.equality import equal_by_value

NORMAL_95 = 1.959963984540054


class Severity(Enum):
    """How much a flag matters: a note informs, a warning asks the user to look, invalid withdraws the number."""

    NOTE = "note"
    WARNING = "warning"
    INVALID = "invalid"


@equal_by_value
@dataclass(frozen=True, slots=True)
class Flag:
    """One finding about a number or a record: a stable code, how much it matters and a sentence for the user."""

    code: str
    severity: Severity
    message: str
    details: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        return self.message


class FlagKind(Enum):
    """Base of each package's enumeration of findings; every member is ``(Severity, sentence template)``.

    >>> class ReaderFlag(FlagKind):
    ...     CUT = (Severity.WARNING, "The file ends mid-line; {kept} points were kept.")
    >>> ReaderFlag.CUT.flag(kept=12).message
    'The file ends mid-line; 12 points were kept.'
    """

    def flag(self, **details: Any) -> Flag:
        """The flag with its sentence filled in."""
        severity, template = self.value
        return Flag(self.name.lower(), severity, template.format(**details), tuple(sorted(details.items())))


@equal_by_value
@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its standard uncertainty, its 95 % interval and its flags, in the SI unit of its quantity.

    ``std`` is NaN when the uncertainty is unknown (never zero by default). ``low`` and ``high`` bound the 95 %
    interval; without them the normal interval ``value ± 1.96 std`` stands in.
    """

    value: float
    std: float = math.nan
    low: float = math.nan
    high: float = math.nan
    flags: tuple[Flag, ...] = field(default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", float(self.value))
        object.__setattr__(self, "std", float(self.std))
        if self.std < 0:
            raise ValueError(f"a standard uncertainty cannot be negative, found {self.std}")
        low, high = float(self.low), float(self.high)
        if math.isnan(low) and math.isfinite(self.std):
            low = self.value - NORMAL_95 * self.std
        if math.isnan(high) and math.isfinite(self.std):
            high = self.value + NORMAL_95 * self.std
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval."""
        return (self.low, self.high)

    @property
    def relative(self) -> float:
        """Standard uncertainty over the value's size; NaN when unknown, infinite for a value of zero."""
        return self.std / abs(self.value) if self.value else (math.inf if self.std else math.nan)

    def scaled(self, factor: float) -> Estimate:
        """The estimate times an exact factor."""
        ends = sorted((self.low * factor, self.high * factor))
        return Estimate(self.value * factor, self.std * abs(factor), ends[0], ends[1], self.flags)

    def flagged(self, *flags: Flag) -> Estimate:
        """The same estimate with further flags."""
        return replace(self, flags=merge_flags(self.flags, flags))


def product(factors: Iterable[tuple[Estimate, float]]) -> Estimate:
    """∏ xᵢ^pᵢ of independent estimates, by first-order propagation of relative uncertainties.

    An unknown uncertainty (NaN) makes the result's unknown. Fails when a relative uncertainty is not small
    (above about 0.2 the interval is only indicative).
    """
    value, variance, flags = 1.0, 0.0, ()
    for estimate, power in factors:
        value *= estimate.value**power
        variance += (power * estimate.relative) ** 2
        flags = merge_flags(flags, estimate.flags)
    return Estimate(value, abs(value) * math.sqrt(variance), flags=flags)


def merge_flags(*groups: Iterable[Flag]) -> tuple[Flag, ...]:
    """All flags once each, in order of first appearance."""
    return tuple(dict.fromkeys(flag for group in groups for flag in group))
