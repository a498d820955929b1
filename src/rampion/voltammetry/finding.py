"""The finding: what one trace says of one sample, with its evidence. Inert records, SI units."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from rampion.estimate import Estimate, Flag, merge_flags
from rampion.voltammetry.constant_current import Initiation
from rampion.voltammetry.contact import ContactLoss
from rampion.voltammetry.cycling import Cycling
from rampion.voltammetry.limits import Clipping
from rampion.voltammetry.ohmic import OhmicLine
from rampion.voltammetry.pauses import PauseMark
from rampion.voltammetry.peak import Peak
from rampion.voltammetry.penetration import Penetration
from rampion.voltammetry.semi_integral import SemiIntegral
from rampion.voltammetry.short import Excursion, NoiseChange
from rampion.voltammetry.symmetric_cell import CellCheck
from rampion.voltammetry.voltammogram import Voltammogram


class Verdict(StrEnum):
    """What happened to the sample in the trace."""

    LIMITING_PEAK = "limiting_peak"
    PENETRATION = "penetration"
    SOFT_SHORT = "soft_short"
    CONTACT_LOSS = "contact_loss"
    INSTRUMENT_LIMIT = "instrument_limit"
    NO_EVENT = "no_event"
    NOT_A_SYMMETRIC_CELL = "not_a_symmetric_cell"

    @property
    def judged(self) -> bool:
        """Whether events were looked for: no data about the sample where not."""
        return self is not Verdict.NOT_A_SYMMETRIC_CELL


VERDICT_WORDS = {
    "limiting_peak": "limiting peak",
    "penetration": "penetration",
    "soft_short": "soft short",
    "contact_loss": "loss of contact",
    "instrument_limit": "instrument limit",
    "no_event": "no event",
    "not_a_symmetric_cell": "not a symmetric cell",
}


class Kind(StrEnum):
    """What the trace is."""

    SWEEP = "sweep"
    CONSTANT_CURRENT = "constant_current"
    CYCLING = "cycling"


@dataclass(frozen=True, slots=True)
class Statistic:
    """One number a verdict rests on: its name, its value, and what it says in words."""

    name: str
    value: float
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Finding:
    """What one sweep, constant current or cycling test shows.

    current [A], current_density [A/m²], potential [V], time [s], total_charge [C] and charge [C/m²] are those of the
    event: the maximum of a limiting peak, the onset of a penetration, the first excursion of a soft short, the last
    point before contact was lost or the instrument's limit was met, and without an event the largest current and the
    end of the sweep (lower bounds). Quantities per area are ``None`` when the area is not known. Where the cell cannot
    be symmetric nothing was looked for: these and the confidence are NaN, and ``cell`` says why.

    confidence is 0.5 … 0.985: from how far the deciding statistic lies from its threshold, scaled so that on simulated
    sweeps it is about the share of right verdicts (docs/voltammetry.md); it knows nothing of causes outside them.
    The parts (ohmic, peak, penetration, …) are ``None`` where they do not apply; ``voltammogram`` holds the arrays
    for a figure (for the galvanostatic kinds they are the trace itself). ``trace`` is the
    place, among the run's traces, of the one it begins in.
    """

    verdict: Verdict
    confidence: float
    kind: Kind
    evidence: tuple[Statistic, ...]
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
    excursions: tuple[Excursion, ...] = ()
    noise_change: NoiseChange | None = None
    contact_loss: ContactLoss | None = None
    clipping: Clipping | None = None
    semi_integral: SemiIntegral | None = None
    initiation: Initiation | None = None
    cycling: Cycling | None = None
    pauses: tuple[PauseMark, ...] = ()
    cell: CellCheck = field(default_factory=CellCheck)
    voltammogram: Voltammogram
    sample: str = ""
    trace: int | None = None
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
