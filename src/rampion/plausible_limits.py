"""Limits of what a Li | ceramic | Li cell can be: each number once, with its reason and its sources (DOI).

docs/plausibility.md shows them as tables. Used by :mod:`rampion.plausibility` (can this number be?) and by
:mod:`rampion.voltammetry.symmetric_cell` (is this a symmetric cell at all?).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from rampion.measurement import ElectrodeMaterial, ElectrodePair, InterlayerKind, MaterialClass, Sample
from rampion.quantities import BOLTZMANN, ELEMENTARY_CHARGE

ROOM = 298.15  # K, where no temperature is stated


class Plausibility(Enum):
    """Whether a value can be."""

    PLAUSIBLE = "plausible"
    IMPLAUSIBLE = "implausible"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one property of a sample [SI] outside which it can hardly be, and why (impossible values are refused
    where a sample is made, :mod:`rampion.hard_limits`)."""

    low: float
    high: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassLimits:
    """Conductivity [S/m] of one material class at 25 °C: its range, a usual value, the DOIs behind them."""

    name: str
    low: float
    high: float
    usual: float
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConductivityRule:
    """What a conductivity is held against.

    ``possible`` [S/m] is refused outside. Ranges are those at 25 °C and are shifted with activation energies from
    ``energies`` [eV] (0.2 to 0.7 eV span all classes), each end by the one that widens the range. Without a class
    the span of the ceramics is taken: polymer and LiPON have to be stated.
    """

    possible: tuple[float, float] = (1e-11, 100.0)
    energies: tuple[float, float] = (0.2, 0.7)
    classes: Mapping[MaterialClass, ClassLimits]
    unstated: ClassLimits


_REVIEW = "10.1039/c8ee01053f"  # Zhang et al., Energy Environ. Sci. 2018: all inorganic classes


def _class(name: str, low: float, high: float, usual: float, *sources: str) -> ClassLimits:
    return ClassLimits(name=name, low=1e2 * low, high=1e2 * high, usual=1e2 * usual, sources=(*sources, _REVIEW))


CONDUCTIVITY = ConductivityRule(  # S/cm here, S/m in the records
    classes=MappingProxyType(
        {
            MaterialClass.GARNET: _class("garnet", 1e-5, 2e-3, 4e-4, "10.1002/anie.200701144", "10.1039/c4cs00020j"),
            MaterialClass.NASICON: _class("NASICON", 1e-5, 5e-3, 5e-4, "10.1149/1.2086597"),
            MaterialClass.PEROVSKITE: _class("perovskite", 1e-6, 2e-3, 1e-4, "10.1016/0038-1098(93)90841-A"),
            MaterialClass.SULFIDE: _class("sulfide", 1e-4, 4e-2, 2e-3, "10.1038/nmat3066", "10.1038/nenergy.2016.30"),
            MaterialClass.ARGYRODITE: _class("argyrodite", 1e-4, 4e-2, 3e-3, "10.1002/anie.200703900"),
            MaterialClass.HALIDE: _class("halide", 1e-5, 1e-2, 1e-3, "10.1002/adma.201803075"),
            MaterialClass.LIPON: _class("LiPON", 1e-7, 1e-5, 2e-6, "10.1016/0167-2738(92)90442-R"),
            MaterialClass.POLYMER: _class("polymer", 1e-7, 1e-4, 1e-5, "10.3390/polym10111237"),
        }
    ),
    unstated=_class("lithium-conducting ceramic", 1e-5, 4e-2, 5e-4),
)

LITHIUM_MELTS = 453.65  # K
SUPPLY = 0.7  # of an electrode's lithium: what has passed leaves it thin, and in places bare

LIMITS: Mapping[str, Limits] = MappingProxyType(
    {
        "area": Limits(low=1e-9, high=1e-2, reason="outside 0.001 mm² (a microelectrode) to 100 cm²"),
        "relative_density": Limits(low=0.4, high=1.05, reason="outside 40 % (a loose powder) to 105 %"),
        "temperature": Limits(
            low=173.15, high=LITHIUM_MELTS, reason="outside −100 °C to 180.5 °C, where lithium melts"
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentLimits:
    """Current density before any event [A/m²], potential of half a record [V], disagreement of two areas (a factor),
    of a spectrum with the sweep (a factor, for the whole 95 % interval: slow processes make up to 5, units 1000)."""

    current_density: float = 1e5
    potential: float = 20.0
    areas: float = 1.5
    sweep_against_spectrum: float = 10.0


DRIVEN = CurrentLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class RestRule:
    """How far from its couple a cell may rest.

    settled [V]: offset of instruments and unlike lithium surfaces. A symmetric cell that carried current before keeps
    a voltage that decays as t^−½: at most ``polarised`` [V] at once and ``relaxed`` [V] after ``relaxed_after`` [s]
    (2(1−t₊)(RT/F) ln c(L)/c(0) of t₊ = 0.3; for 0.8 it is 64 and 20 mV). After ``forgotten`` [s] it is at rest.
    ``opposed`` [V]: against the sign of the last drive there is no such voltage, only twice the offset.
    """

    settled: float = 0.02
    polarised: float = 0.25
    relaxed: float = 0.075
    relaxed_after: float = 600.0
    forgotten: float = 36000.0
    opposed: float = 0.04

    def allowed(self, elapsed: float) -> float:
        """Largest voltage [V] that polarisation leaves ``elapsed`` [s] after the current."""
        if not elapsed > 0:
            return self.polarised
        return min(self.polarised, max(self.settled, self.relaxed * math.sqrt(self.relaxed_after / elapsed)))


REST = RestRule()


@dataclass(frozen=True, slots=True, kw_only=True)
class Couple:
    """Rest voltage of two stated electrodes [V], working minus counter: its range, and the part that persists.

    ``persistent`` [V] is taken off the record; ``nucleates``: an electrode becomes lithium once lithium is plated on
    it, so that the voltage falls to that of Li | Li. ``sources``: DOIs.
    """

    low: float
    high: float
    persistent: float = 0.0
    nucleates: bool = False
    sources: tuple[str, ...] = ()

    def turned(self) -> Couple:
        """The same with the electrodes exchanged."""
        return Couple(
            low=-self.high, high=-self.low, persistent=-self.persistent, nucleates=self.nucleates, sources=self.sources
        )


_AGAINST_LITHIUM: Mapping[ElectrodeMaterial, Couple] = MappingProxyType(
    {
        ElectrodeMaterial.INDIUM_LITHIUM: Couple(
            low=0.57, high=0.67, persistent=0.62, sources=("10.1002/batt.201800149",)
        ),
        ElectrodeMaterial.ALLOY: Couple(low=0.0, high=1.0, sources=("10.1007/s41918-024-00221-0",)),
        ElectrodeMaterial.COPPER: Couple(low=-0.02, high=3.5, nucleates=True),
        ElectrodeMaterial.BLOCKING: Couple(low=-3.5, high=3.5),
    }
)
_ALIKE = Couple(low=-REST.settled, high=REST.settled)
_METAL_LAYER = Couple(low=-0.35, high=0.35, nucleates=True, sources=("10.1126/sciadv.1601659", "10.1021/jacs.6b06777"))
_ANY = Couple(low=-3.5, high=3.5)


def couple_of(sample: Sample) -> Couple:
    """The rest voltage that the stated electrodes and interlayer allow; lithium on both sides unless stated."""
    pair = sample.electrodes
    layer = sample.interlayer
    if pair is None or pair.symmetric:
        return _METAL_LAYER if layer is not None and layer.kind is InterlayerKind.METAL else _ALIKE
    if pair.counter is ElectrodeMaterial.LITHIUM:
        return _AGAINST_LITHIUM[pair.working]
    if pair.working is ElectrodeMaterial.LITHIUM:
        return _AGAINST_LITHIUM[pair.counter].turned()
    return _ANY


def lithium_on_both_sides(electrodes: ElectrodePair | None) -> bool:
    """Whether transport numbers may be drawn from the cell: lithium on both sides, stated or not."""
    return electrodes is None or (electrodes.symmetric and electrodes.working is ElectrodeMaterial.LITHIUM)


_COMPOSITIONS: Sequence[tuple[str, MaterialClass]] = (  # the first that matches
    (r"lipon", MaterialClass.LIPON),
    (r"ll?zt?o|garnet|la\d?[\d.]*\w*zr", MaterialClass.GARNET),
    (r"lagp|latp|nasicon|ohara|ti[\d.]*\w*\(?po4|ge[\d.]*\w*\(?po4", MaterialClass.NASICON),
    (r"llto|la[\d.]*\w*tio3", MaterialClass.PEROVSKITE),
    (r"lpsc|argyrodite|li[\d.]+ps[\d.]+(cl|br|i)|lpsb", MaterialClass.ARGYRODITE),
    (r"lgps", MaterialClass.SULFIDE),
    (r"li[\d.]*(ge|sn|si)?[\d.]*p[\d.]*s[\d.]", MaterialClass.SULFIDE),
    (r"li[\d.]*(y|in|er|sc|zr|ho|yb)[\d.]*(cl|br)", MaterialClass.HALIDE),
    (r"\bpeo\b|polymer|poly\(", MaterialClass.POLYMER),
)


def class_of(sample: Sample) -> MaterialClass | None:
    """The stated class, else the one that the composition names; None where neither does."""
    if sample.material_class is not None:
        return sample.material_class
    text = sample.composition.translate(str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")).lower().replace(" ", "")
    return next((kind for pattern, kind in _COMPOSITIONS if re.search(pattern, text)), None)


def class_limits(material: MaterialClass | None, temperature: float) -> ClassLimits:
    """The conductivity range [S/m] of a class at a temperature [K].

    σ(T) = σ(25 °C) exp[−(E_a/k)(1/T − 1/298.15 K)], each end with the energy of 0.2 to 0.7 eV that widens the range.
    """
    known = CONDUCTIVITY.classes.get(material) if material is not None else None
    limits = known or CONDUCTIVITY.unstated
    exponent = -(ELEMENTARY_CHARGE / BOLTZMANN) * (1.0 / temperature - 1.0 / ROOM)
    factors = [math.exp(energy * exponent) for energy in CONDUCTIVITY.energies]
    return ClassLimits(
        name=limits.name,
        low=limits.low * min(factors),
        high=limits.high * max(factors),
        usual=limits.usual * math.sqrt(factors[0] * factors[1]),
        sources=limits.sources,
    )
