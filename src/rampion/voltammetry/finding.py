"""The finding: what one trace says of one sample, with its evidence. Inert records, SI units."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from rampion.equality import equal_by_value
from rampion.estimate import Estimate, Flag, merge_flags
from rampion.voltammetry.galvanostatic import Cycling
from rampion.voltammetry.ohmic import OhmicLine
from rampion.voltammetry.peak import Peak
from rampion.voltammetry.programme import PauseMark
from rampion.voltammetry.ranges import Clipping
from rampion.voltammetry.reference_electrode import ReferenceElectrode
from rampion.voltammetry.symmetric_cell import CellCheck
from rampion.voltammetry.voltammogram import Voltammogram


class Verdict(StrEnum):
    """What happened to the sample in the trace: a phenomenon, not its cause."""

    LIMITING_PEAK = "limiting_peak"
    LIMITING_PLATEAU = "limiting_plateau"
    VOLTAGE_RUNAWAY = "voltage_runaway"
    PENETRATION = "penetration"
    SOFT_SHORT = "soft_short"
    CURRENT_LOSS = "current_loss"
    INSTRUMENT_LIMIT = "instrument_limit"
    NO_EVENT = "no_event"
    NOT_A_SYMMETRIC_CELL = "not_a_symmetric_cell"

    @property
    def judged(self) -> bool:
        """Whether events were looked for: no data about the sample where not."""
        return self is not Verdict.NOT_A_SYMMETRIC_CELL

    @property
    def limit(self) -> bool:
        """Whether the current reached a largest value by itself, or could not be carried on: whatever limited it."""
        return self in (
            Verdict.LIMITING_PEAK, Verdict.LIMITING_PLATEAU, Verdict.VOLTAGE_RUNAWAY, Verdict.CURRENT_LOSS
        )  # fmt: skip


VERDICT_WORDS = {verdict.value: verdict.value.replace("_", " ") for verdict in Verdict}

ONSET_RULE = (
    "onset: the break point where the course of the cell gives way to a lasting rise; power-law, exponential, "
    "diverging and step rises are weighed; current density and potential are those of the course at the break"
)


@dataclass(frozen=True, slots=True)
class SpaceCharge:
    """Cell voltage [V] from which on the plating face is not neutral, and whether the event's current had been reached
    before, within its uncertainty (:mod:`rampion.voltammetry.neutrality`)."""

    potential: float
    reached: bool


class Kind(StrEnum):
    """What the trace is."""

    SWEEP = "sweep"
    CONSTANT_CURRENT = "constant_current"
    CYCLING = "cycling"


@dataclass(frozen=True, slots=True, kw_only=True)
class Penetration:
    """A lasting rise beyond the course.

    onset_current [A], onset_potential [V]; first: index of the last point before the onset; steepness: largest slope
    over the conductance at rest; excess: largest rise above the course over the course's current.
    """

    onset_current: Estimate
    onset_potential: Estimate
    first: int
    steepness: float
    excess: float
    rule: str = ONSET_RULE


class After(StrEnum):
    """What measured the cell's resistance after an event."""

    RETURN_SWEEP = "return_sweep"
    LATER_SWEEP = "later_sweep"
    LATER_CURRENT = "later_current"
    SAME_CURRENT = "same_current"
    SPECTRUM = "spectrum"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """The cell's resistance before a penetration and after it.

    before [Ω]; remaining [Ω] and area_remaining [Ω·m²] as measured last in the run, and by what; ``None`` where nothing
    measured it. confirmed: it stayed below that before, beyond the uncertainties; the penetration is probable where
    not.
    """

    before: Estimate
    remaining: Estimate | None = None
    area_remaining: Estimate | None = None
    by: After | None = None
    confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Initiation:
    """When the voltage under an imposed current is lost, or for a while.

    time [s] since the record began, potential just before [V], early_potential: of the first level [V], drop: lost
    share of the expected voltage, recovered: the voltage came back, charge [C] passed until then, earlier: losses
    before this one that came back.
    """

    time: Estimate
    potential: Estimate
    early_potential: float
    drop: float
    recovered: bool
    charge: Estimate
    earlier: int


@dataclass(frozen=True, slots=True)
class Excursion:
    """A departure of the current from its course and back: points first … last, potential [V] at its start, height [A].

    A positive height is a parallel metallic path, a negative one a contact that opened for a while.
    """

    first: int
    last: int
    potential: float
    height: float


@dataclass(frozen=True, slots=True)
class Likelihood:
    """How likely a mechanism is, 0 … 1, among those compared, with equal priors."""

    mechanism: str
    probability: float


@dataclass(frozen=True, slots=True)
class Statistic:
    """One number a verdict rests on: its name, its value, and what it says in words."""

    name: str
    value: float
    meaning: str


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """A verdict against the best explanation of another one, its ``rival`` (``None`` where there is none).

    log_bayes_factor: natural logarithm of the evidence of the record for the verdict over that for the rival (NaN
    without one); base_rate, rival_base_rate: how often each is expected before the record is looked at.
    """

    rival: Verdict | None
    log_bayes_factor: float
    base_rate: float
    rival_base_rate: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Finding:
    """What one sweep, constant current or cycling test shows.

    current [A], current_density [A/m²], potential [V], time [s], total_charge [C] and charge [C/m²] are those of the
    event: the maximum of a limiting peak, the onset of a penetration, the first excursion of a soft short, the last
    point before contact was lost or the instrument's limit was met, and without an event the largest current and the
    end of the sweep (lower bounds). Quantities per area are ``None`` when the area is not known. Where the cell cannot
    be symmetric nothing was looked for: these and the confidence are NaN, and ``cell`` says why.

    confidence is at most 0.985: the probability of the verdict at the base rates of ``odds``, from the evidence against
    its rival, scaled so that on simulated sweeps it is about the share of right verdicts (docs/voltammetry.md); it
    knows nothing of causes outside them. One that a person chose has none (NaN, no odds).
    ``mechanism`` says what limits the current, where a limit was reached; ``course`` what shapes it until it is left.
    semi_integral_plateau [A·s½/m², A·s½ without an area]: level of the current's half-order integral after a peak.
    The parts (ohmic, peak, penetration, …) are ``None`` where they do not apply; ``voltammogram`` holds the arrays
    for a figure (for the galvanostatic kinds they are the trace itself). ``trace`` and
    ``until`` are the places, among the run's traces, of those it begins and ends in.
    """

    verdict: Verdict
    confidence: float
    odds: Odds | None = None
    kind: Kind
    evidence: tuple[Statistic, ...]
    mechanism: tuple[Likelihood, ...] = ()
    course: tuple[Likelihood, ...] = ()
    current: Estimate
    potential: Estimate
    time: Estimate
    total_charge: Estimate
    current_density: Estimate | None = None
    charge: Estimate | None = None
    conductivity: Estimate | None = None
    scan_rate: Estimate | None = None
    ohmic: OhmicLine | None = None
    peak: Peak | None = None
    penetration: Penetration | None = None
    aftermath: Aftermath | None = None
    excursions: tuple[Excursion, ...] = ()
    clipping: Clipping | None = None
    reference: ReferenceElectrode | None = None
    semi_integral_plateau: Estimate | None = None
    space_charge: SpaceCharge | None = None
    initiation: Initiation | None = None
    cycling: Cycling | None = None
    pauses: tuple[PauseMark, ...] = ()
    cell: CellCheck = field(default_factory=CellCheck)
    voltammogram: Voltammogram
    sample: str = ""
    trace: int | None = None
    until: int | None = None
    synthetic: bool = False
    flags: tuple[Flag, ...] = ()


def not_judged(
    voltammogram: Voltammogram, kind: Kind, cell: CellCheck, sample: str, flags: tuple[Flag, ...]
) -> Finding:
    """The finding of a record whose cell cannot be symmetric: no event, no number, the reason first."""
    unknown = Estimate(math.nan)
    reason = (cell.flag,) if cell.flag is not None else ()
    return Finding(
        verdict=Verdict.NOT_A_SYMMETRIC_CELL,
        confidence=math.nan,
        kind=kind,
        evidence=(),
        current=unknown,
        potential=unknown,
        time=unknown,
        total_charge=unknown,
        scan_rate=voltammogram.scan_rate,
        cell=cell,
        voltammogram=voltammogram,
        sample=sample,
        synthetic=voltammogram.synthetic,
        flags=merge_flags(reason, flags),
    )
