"""Label sets compete by evidence, and every derived number is averaged over them.

Each set has its posterior explored from 200 draws of its prior; every distinct maximum near the best is kept with the
volume of the posterior about it (Laplace) and counts with that weight. A number that depends on which labels are right
gets the mixture's interval, wide or with two humps: a doubt about a name is a width, not a sentence.

Fails, too narrow by 2 to 14 % in most spectra, where the posterior about a maximum is not Gaussian in the logarithms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from jaxtyping import Float

from rampion.errors import InputError
from rampion.estimate import Estimate
from rampion.impedance.label_model import Mode, Problem, find_modes, heights_at
from rampion.impedance.labels import Label, LabelSet
from rampion.impedance.priors import GEOMETRY, label_sets, prior_matrix, prior_rows
from rampion.measurement import Sample, Spectrum

DRAWS, STARTS = 200, 8  # from the prior; the best of them that are climbed from, beside the prior's mean
WITHIN = 15.0  # of ln(posterior): a maximum further below counts for less than one in a million
SHARES = (0.025, 0.15866, 0.5, 0.84134, 0.975)  # of the mixture: the 95 % interval, the 68 % one, the median
FEWEST_POINTS = 5  # of a spectrum: leads, two arcs and a tail do not show in fewer
NEGLIGIBLE = 1e-4  # of the weight: what is left out of the mixture


class Course(Enum):
    """What the electrolyte's resistance does along a series."""

    STAYS = "stays"
    GROWS = "grows"


class Contact(Enum):
    """What an interface's capacitance does along a series: its own way, nothing, or C ∝ 1/R as contact is lost."""

    FREE = "free"
    CONSTANT = "constant"
    LOST = "lost"


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One maximum of one set's posterior, and its ``weight`` in the mixture.

    Of a series: with the ``course`` of the electrolyte and the ``contact`` of the interface that it assumes.
    """

    problem: Problem
    mode: Mode
    weight: float
    course: Course = Course.STAYS
    contact: Contact = Contact.FREE

    @property
    def labels(self) -> LabelSet:
        """The set."""
        return self.problem.labels

    def own(self, spectrum: int = 0) -> Float[np.ndarray, " p"]:
        """The coordinates of one spectrum."""
        return self.problem.offset[spectrum] + self.problem.spread[spectrum] @ self.mode.coordinates

    def deviation(self, gradient: Float[np.ndarray, " g"]) -> float:
        """The standard deviation of a number whose slopes with respect to the global coordinates are these."""
        return math.sqrt(max(float(gradient @ self.mode.covariance @ gradient), 0.0))


Number = Callable[[Member], tuple[float, Float[np.ndarray, " g"]] | None]
"""The logarithm of a positive number at a member's maximum and its slopes in the global coordinates, if it has it."""


def explore(spectrum: Spectrum, sample: Sample, weighting: str = "modulus") -> tuple[Member, ...]:
    """The mixture that describes one spectrum, the heaviest member first.

    Parameters
    ----------
    weighting : how the errors grow, ``modulus`` (as |Z|) or ``unit`` (not at all).

    Raises
    ------
    InputError
        When the spectrum has too few points, a point of zero impedance, or the weighting is another.
    """
    if len(spectrum) < FEWEST_POINTS:
        raise InputError(f"The spectrum has {len(spectrum)} points; expected {FEWEST_POINTS} or more for its labels.")
    members = []
    for labels, odds in label_sets(sample):
        problem = problem_of(spectrum, labels, sample, weighting)
        starts = draw_starts(problem)
        modes = find_modes(problem, starts, WITHIN)
        members += [(Member(problem, mode, 0.0), mode.volume + odds) for mode in modes]
    return mixture(members)


def mixture(members: Sequence[tuple[Member, float]]) -> tuple[Member, ...]:
    """Members with their weights from the logarithms beside them, the heaviest first, those of no weight left out.

    Raises
    ------
    InputError
        When there is no member.
    """
    if not members:
        raise InputError("No set of labels describes the spectrum; give a circuit (--circuit).")
    heights = np.array([height for _, height in members])
    weights = np.exp(heights - heights.max())
    weights /= weights.sum()
    kept = [at for at in np.argsort(-weights).tolist() if weights[at] > NEGLIGIBLE]
    whole = float(weights[kept].sum())
    return tuple(replace(members[at][0], weight=float(weights[at]) / whole) for at in kept)


def problem_of(spectrum: Spectrum, labels: LabelSet, sample: Sample, weighting: str = "modulus") -> Problem:
    """One spectrum under one set of labels."""
    rows = prior_rows(labels, sample)
    names = (*GEOMETRY, *labels.coordinates)
    spread = np.eye(len(names))[len(GEOMETRY) :]
    omega, impedance, weight = stacked([spectrum], weighting)
    return Problem(
        labels, omega, impedance, weight, names, spread[None], np.zeros((1, len(spread))), *prior_matrix(rows, names)
    )  # fmt: skip


def stacked(spectra: Sequence[Spectrum], weighting: str = "modulus") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ω, Z and the inverse size of its errors (m, n), the shorter spectra padded with points of no weight.

    Raises
    ------
    InputError
        When an impedance is zero, or the weighting is neither ``modulus`` nor ``unit``.
    """
    if weighting not in ("modulus", "unit"):
        raise InputError(
            f"The weighting {weighting!r} needs a circuit (--circuit); without one expected modulus or unit."
        )
    longest = max(len(one) for one in spectra)
    omega = np.ones((len(spectra), longest))
    impedance = np.ones((len(spectra), longest), complex)
    weight = np.zeros((len(spectra), longest))
    for row, one in enumerate(spectra):
        size = np.abs(one.impedance)
        if not np.all(size > 0):
            raise InputError(
                f"The impedance of point {int(np.argmin(size))} is zero; expected a measured value: drop it."
            )
        omega[row, : len(one)] = 2 * np.pi * one.frequency
        impedance[row, : len(one)] = one.impedance
        weight[row, : len(one)] = 1 / (size if weighting == "modulus" else np.median(size))
    return omega, impedance, weight


def draw_starts(problem: Problem, seed: int = 0) -> Float[np.ndarray, "s g"]:
    """The best of the prior's draws and its mean, (s, g)."""
    inverse = np.linalg.inv(problem.factors)
    noise = np.random.default_rng(seed).standard_normal((DRAWS, len(problem.names)))
    mean = inverse @ problem.centres
    draws = mean + (noise * problem.widths) @ inverse.T
    best = np.argsort(-heights_at(problem, draws))[:STARTS]
    return np.vstack([mean, draws[best]])


def estimate(members: Sequence[Member], number: Number) -> Estimate:
    """A positive number averaged over the members that have it: median, half the 68 % interval, 95 % interval.

    Value ``nan`` where no member has it.
    """
    found = [(member, number(member)) for member in members]
    parts = [(one.weight, *known, one) for one, known in found if known is not None]
    if not parts:
        return Estimate(math.nan)
    weights = np.array([weight for weight, *_ in parts]) / sum(weight for weight, *_ in parts)
    centres = np.array([centre for _, centre, *_ in parts])
    widths = np.array([max(one.deviation(slopes), 1e-12) for _, _, slopes, one in parts])
    return lognormal_mixture(weights, centres, widths)


def lognormal_mixture(weights: np.ndarray, centres: np.ndarray, widths: np.ndarray) -> Estimate:
    """A positive number whose logarithm is distributed as a mixture of normals, arrays (k,)."""
    low, below, middle, above, high = (mixture_quantile(weights, centres, widths, share) for share in SHARES)
    value = math.exp(middle)
    return Estimate(value, value * 0.5 * (above - below), math.exp(low), math.exp(high))


def mixture_quantile(weights: np.ndarray, centres: np.ndarray, widths: np.ndarray, share: float) -> float:
    """The ``share`` quantile of a mixture of normal distributions, by bisection."""
    from scipy.special import ndtr

    low, high = float(np.min(centres - 9 * widths)), float(np.max(centres + 9 * widths))
    for _ in range(36):
        middle = 0.5 * (low + high)
        if float(weights @ ndtr((middle - centres) / widths)) < share:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def sum_of_resistances(wanted: Callable[[Member, Label], bool], spectrum: int = 0) -> Number:
    """ln of the sum of the resistances of the labels that are wanted, in one spectrum."""

    def number(member: Member) -> tuple[float, np.ndarray] | None:
        own, names = member.own(spectrum), member.labels.coordinates
        labels = [one for one in member.labels.labels if f"{one.value}.R" in names and wanted(member, one)]
        if not labels:
            return None
        chosen = [names.index(f"{label.value}.R") for label in labels]
        grown = np.array([label.ceramic for label in labels])
        growth, slope = member.labels.growth(own)
        values = np.exp(own[chosen] + growth * grown)
        shares = values / values.sum()
        row = float(shares @ grown) * slope
        row[chosen] += shares
        return math.log(values.sum()), row @ member.problem.spread[spectrum]

    return number


def ceramic_resistance(spectrum: int = 0) -> Number:
    """ln of the electrolyte's resistance, bulk and grain boundary."""
    return sum_of_resistances(lambda _, label: label.ceramic, spectrum)


def conductivity(spectrum: int = 0) -> Number:
    """ln σ, σ = L/(RA) with the geometry's own uncertainty."""
    resistance = ceramic_resistance(spectrum)

    def number(member: Member) -> tuple[float, np.ndarray] | None:
        known = resistance(member)
        if known is None:
            return None
        slopes = -known[1]
        slopes[:2] += (1.0, -1.0)
        length, area = member.mode.coordinates[:2]
        return length - area - known[0], slopes

    return number


def ratio(above: Number, below: Number) -> Number:
    """ln of one number over another, with what they have in common taken out."""

    def number(member: Member) -> tuple[float, np.ndarray] | None:
        one, other = above(member), below(member)
        return None if one is None or other is None else (one[0] - other[0], one[1] - other[1])

    return number


def coordinate(name: str, spectrum: int = 0, **others: float) -> Number:
    """ln of one coordinate of a spectrum, or of a product of powers of several, where the set has it."""

    def number(member: Member) -> tuple[float, np.ndarray] | None:
        if name not in member.labels.coordinates:
            return None
        row = np.zeros(len(member.labels.coordinates))
        row[member.labels.coordinates.index(name)] = 1.0
        label, which = name.split(".")
        for other, power in others.items():
            row[member.labels.coordinates.index(f"{label}.{other}")] += power
        own = member.own(spectrum)
        value = float(row @ own)
        if which == "R" and Label(label).ceramic:
            growth, slope = member.labels.growth(own)
            value, row = value + growth, row + slope
        return value, row @ member.problem.spread[spectrum]

    return number


def probability(members: Sequence[Member], holds: Callable[[Member], bool]) -> float:
    """The weight of the members of which something holds."""
    return sum(member.weight for member in members if holds(member))
