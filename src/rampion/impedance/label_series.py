"""Spectra of one cell as one problem: along bias, time or pressure, and along temperature.

The labels are those of the whole series. Bulk and grain boundary keep C and α; their resistances share one factor a
spectrum. That factor stays, but for a small drift, or grows freely: both compete by evidence, and which of them holds
is a result. The interface's resistance walks freely; its capacitance is free, constant or ∝ 1/R (contact is lost),
weighed by evidence. Along temperature every resistance follows ln(R/T) = a + E/kT with an energy of its own, and each
temperature is uncertain.

Fails where a process is absent in some spectra for a reason other than a small resistance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from rampion.estimate import Estimate
from rampion.impedance.evidence import WITHIN, Contact, Course, Member, ceramic_resistance, explore, mixture, stacked
from rampion.impedance.label_model import Problem, find_modes
from rampion.impedance.labels import Label, LabelSet, Shape
from rampion.impedance.priors import GEOMETRY, Row, label_sets, prior_matrix, prior_rows
from rampion.measurement import Sample, Spectrum
from rampion.quantities import BOLTZMANN, ELEMENTARY_CHARGE

_PER_KELVIN = BOLTZMANN / ELEMENTARY_CHARGE  # eV
STEPS = {Course.STAYS: 0.009, Course.GROWS: 0.15}  # of the electrolyte's ln R from one spectrum to the next
CAPACITANCE_STEP = 0.01  # of its ln C while it grows: a constant-phase element of constant Q has no constant C
FREE_STEP = {"R": 0.7, "C": 0.2, "degree": 0.8}  # of the logarithms of an interface's, and of a depletion
TAIL_STEP = 0.5  # of the diffusion's or the blocking electrode's
ENERGIES = {  # eV: median and width
    Label.MERGED: (0.4, 0.12),
    Label.BULK: (0.36, 0.1),
    Label.GRAIN_BOUNDARY: (0.45, 0.12),
    Label.INTERFACE: (0.5, 0.15),
    Label.SECOND_INTERFACE: (0.5, 0.15),
    Label.SURFACE_LAYER: (0.5, 0.2),
    Label.DIFFUSION: (0.4, 0.3),
}
USUAL_TEMPERATURE_ERROR = 0.3  # K: where none is stated
SENSITIVITY = 0.4  # eV: how an error of a temperature moves a resistance before its energy is known
OFF_LINE = 0.01  # of a resistance: what it may be off its line
SAME = 0.02  # of ln(posterior): two ends of one set nearer than this are one maximum
_DEGREE = "depleted skin.degree"
STARTS, SETS = 5, 3  # starts taken from the first spectrum; maxima of each course that go on to the second round
UNLIKE = 0.03  # of ln R of the electrolyte: maxima of one set further apart are starts of their own


def explore_series(
    spectra: Sequence[Spectrum],
    sample: Sample,
    temperature: Sequence[Estimate] | None = None,
    biased: bool = False,
    weighting: str = "modulus",
) -> tuple[Member, ...]:
    """The mixture that describes a series, the heaviest member first; each member holds all spectra.

    Parameters
    ----------
    temperature : of each spectrum [K], where the series runs along it. biased : whether a bias was applied.

    Raises
    ------
    InputError
        As :func:`~rampion.impedance.evidence.explore`.
    """
    first = 0 if temperature is None else len(spectra) // 2
    odds = dict(label_sets(sample, biased))
    found = []
    for labels, values in _first_starts(explore(spectra[first], sample, weighting), odds):
        course = Course.STAYS if temperature is not None or Label.SKIN in labels.labels else Course.GROWS
        begin = _spread_starts(spectra, values, first)
        found += _fit(spectra, sample, labels, course, Contact.FREE, begin, temperature)
    members = [(one, height + odds[one.labels]) for one, height in _distinct(found)]
    members.sort(key=lambda pair: -pair[1])
    for course in Course:
        alike = [pair for pair in members if pair[0].course is course][:SETS]
        for one, height in alike:
            if height > alike[0][1] - 2 * WITHIN:
                members += [
                    (member, volume + odds[one.labels])
                    for member, volume in _variants(spectra, sample, one, temperature)
                ]
    return mixture(_distinct(members))


def _variants(
    spectra: Sequence[Spectrum], sample: Sample, one: Member, temperature: Sequence[Estimate] | None
) -> list[tuple[Member, float]]:
    """The same labels under every other course and contact, each from where the free one ended."""
    begin = [dict(zip(one.problem.names, one.mode.coordinates.tolist(), strict=True))]
    found = []
    for course in {one.course, Course.STAYS}:
        for contact in Contact if _interfaces(one.labels) else (Contact.FREE,):
            if (course, contact) != (one.course, one.contact):
                found += _fit(spectra, sample, one.labels, course, contact, begin, temperature)
    return found


def _distinct(members: Sequence[tuple[Member, float]]) -> list[tuple[Member, float]]:
    """Members without those that are the maximum of another, reached from another start."""
    kept: list[tuple[Member, float]] = []
    for one, height in members:
        same = any(
            (one.labels, one.course, one.contact) == (other.labels, other.course, other.contact)
            and abs(height - known) < SAME
            for other, known in kept
        )
        if not same:
            kept.append((one, height))
    return kept


def _interfaces(labels: LabelSet) -> list[Label]:
    return [label for label in labels.labels if label in (Label.INTERFACE, Label.SECOND_INTERFACE)]


def _first_starts(alone: Sequence[Member], odds: dict[LabelSet, float]) -> list[tuple[LabelSet, dict[str, float]]]:
    """Sets with coordinates to start from: the unlike maxima of one spectrum, each with a skin too where one may be."""
    chosen: list[tuple[Member, float]] = []
    for member in alone:
        number = ceramic_resistance()(member)
        size = 0.0 if number is None else number[0]
        if len(chosen) < STARTS and all(
            one.labels != member.labels or abs(size - known) > UNLIKE for one, known in chosen
        ):
            chosen.append((member, size))
    starts = []
    for member, _ in chosen:
        values = dict(zip(member.problem.names, member.mode.coordinates.tolist(), strict=True))
        depleted = LabelSet((Label.LEADS, Label.SKIN, *member.labels.labels[1:]))
        starts += [(labels, values) for labels in (member.labels, depleted) if labels in odds]
    return starts


def _spread_starts(spectra: Sequence[Spectrum], values: dict[str, float], first: int) -> list[dict[str, float]]:
    """Two starts: the interface takes every change of the resistance at low frequency, or the electrolyte does."""
    low = np.array([float(np.real(one.impedance[np.argmin(one.frequency)])) for one in spectra])
    change = low - low[first]
    starts = [dict(values), dict(values)]
    base = math.exp(values.get("interface.R", math.log(max(low[first], 1e-12))))
    taken = np.log(np.maximum(base + change, 0.05 * base))
    shared = np.log(np.maximum(low / low[first], 0.05))
    degree = np.log(np.maximum(np.sqrt(3 * np.maximum(np.exp(shared) - 1, 0.0)), math.exp(values.get(_DEGREE, -3.5))))
    for at in range(1, len(spectra)):
        starts[0][f"interface.R step {at}"] = float(taken[at] - taken[at - 1])
        starts[1][f"ceramic step {at}"] = float(shared[at] - shared[at - 1])
        starts[1][f"depleted skin.degree step {at}"] = float(degree[at] - degree[at - 1])
    return starts


def _fit(
    spectra: Sequence[Spectrum], sample: Sample, labels: LabelSet, course: Course, contact: Contact,
    starts: Sequence[dict[str, float]], temperature: Sequence[Estimate] | None,
) -> list[tuple[Member, float]]:  # fmt: skip
    """The maxima of one set, with the logarithms of their volumes."""
    if temperature is None:
        return _maxima(series_problem(spectra, sample, labels, course, contact), course, contact, starts)
    problem = temperature_problem(spectra, sample, labels, contact, temperature)
    found = _maxima(problem, course, contact, starts)
    if not found:
        return []
    best = dict(zip(problem.names, found[0][0].mode.coordinates.tolist(), strict=True))
    problem = temperature_problem(spectra, sample, labels, contact, temperature, best)
    return _maxima(problem, course, contact, [best])


def _maxima(
    problem: Problem, course: Course, contact: Contact, starts: Sequence[dict[str, float]]
) -> list[tuple[Member, float]]:
    """The maxima of one problem, the highest first."""
    centre = np.linalg.solve(problem.factors, problem.centres)
    begin = np.array(
        [[one.get(name, float(mean)) for name, mean in zip(problem.names, centre, strict=True)] for one in starts]
    )
    modes = find_modes(problem, begin, WITHIN)
    return [(Member(problem, mode, 0.0, course, contact), mode.volume) for mode in modes]


class _Map:
    """Global coordinates that are being gathered: names, prior rows, and their effect on each spectrum's own."""

    def __init__(self, count: int, labels: LabelSet, sample: Sample) -> None:
        self.rows = list(prior_rows(labels, sample))
        self.own = labels.coordinates
        self.names = [*GEOMETRY, *self.own]
        eye = np.eye(len(self.names))[len(GEOMETRY) :]
        self.columns: list[np.ndarray] = []
        self.spread = np.broadcast_to(eye, (count, *eye.shape)).copy()
        self.offset = np.zeros((count, len(self.own)))

    def add(self, name: str, effect: Float[np.ndarray, "m p"], centre: float, width: float) -> None:
        """One more coordinate with its own prior; ``effect`` (m, p) on the spectra's."""
        self.names.append(name)
        self.rows.append(Row(name, centre, width, {}))
        self.columns.append(effect)

    def walk(self, name: str, own: Sequence[str], width: float, **others: float) -> None:
        """Steps from one spectrum to the next that move coordinates together; ``others`` with a factor."""
        count = len(self.spread)
        moved = np.zeros(len(self.own))
        for one in own:
            moved[self.own.index(one)] = 1.0
        for one, factor in others.items():
            moved[self.own.index(one)] = factor
        for at in range(1, count):
            self.add(f"{name} step {at}", (np.arange(count) >= at)[:, None] * moved, 0.0, width)

    def problem(self, spectra: Sequence[Spectrum], labels: LabelSet) -> Problem:
        """The posterior over the gathered coordinates."""
        spread = np.concatenate([self.spread, *(column[:, :, None] for column in self.columns)], axis=2)
        names = tuple(self.names)
        factors = prior_matrix(tuple(self.rows), names)
        return Problem(labels, *stacked(spectra), names, spread, self.offset, *factors)


def series_problem(
    spectra: Sequence[Spectrum], sample: Sample, labels: LabelSet, course: Course, contact: Contact
) -> Problem:
    """A series along bias, time or pressure under one set, course and contact."""
    known = _Map(len(spectra), labels, sample)
    known.walk("ceramic", labels.ceramic, STEPS[course])
    if course is Course.GROWS:
        known.walk("ceramic.C", [one.replace(".R", ".C") for one in labels.ceramic], CAPACITANCE_STEP)
    for label in labels.labels:
        name = label.value
        if label is Label.DIFFUSION:
            known.walk("diffusion.R", ("diffusion.R",), TAIL_STEP)
        elif label is Label.BLOCKING:
            known.walk(f"{name}.Q", (f"{name}.Q",), TAIL_STEP)
        elif label is Label.SKIN:
            known.walk(f"{name}.degree", (f"{name}.degree",), FREE_STEP["degree"])
        elif label in _interfaces(labels):
            lost = {f"{name}.C": -1.0} if contact is Contact.LOST else {}
            known.walk(f"{name}.R", (f"{name}.R",), FREE_STEP["R"], **lost)
            if contact is Contact.FREE:
                known.walk(f"{name}.C", (f"{name}.C",), FREE_STEP["C"])
    return known.problem(spectra, labels)


def temperature_problem(
    spectra: Sequence[Spectrum], sample: Sample, labels: LabelSet, contact: Contact, temperature: Sequence[Estimate],
    near: Mapping[str, float] = MappingProxyType({}),
) -> Problem:  # fmt: skip
    """A series along temperature: each resistance with its energy [eV], about the spectrum in the middle.

    An error of a temperature moves every resistance by its energy, taken from ``near`` (else 0.4 eV); each may stand
    off its line by one percent, as the forms of arcs do.
    """
    known = _Map(len(spectra), labels, sample)
    kelvin = np.array([one.value for one in temperature])
    middle = kelvin[len(kelvin) // 2]
    inverse = 1 / (_PER_KELVIN * kelvin) - 1 / (_PER_KELVIN * middle)
    active = [label for label in labels.labels if f"{label.value}.R" in known.own and label.shape is not Shape.LEADS]
    shift = np.zeros(len(known.own))
    for label in active:
        for row in range(len(spectra)):
            own = np.zeros((len(spectra), len(known.own)))
            own[row, known.own.index(f"{label.value}.R")] = 1.0
            known.add(f"{label.value}.R at {row}", own, 0.0, OFF_LINE)
        at = known.own.index(f"{label.value}.R")
        effect = np.zeros((len(spectra), len(known.own)))
        effect[:, at] = inverse
        known.add(f"{label.value}.E", effect, *ENERGIES.get(label, (0.45, 0.2)))
        known.offset[:, at] = np.log(kelvin / middle)
        shift[at] = near.get(f"{label.value}.E", SENSITIVITY)
    for at, one in enumerate(temperature):
        error = one.std if math.isfinite(one.std) and one.std > 0 else USUAL_TEMPERATURE_ERROR
        effect = np.zeros((len(spectra), len(known.own)))
        effect[at] = shift
        known.add(f"temperature {at}", effect, 0.0, error / (_PER_KELVIN * one.value**2))
    for label in _interfaces(labels):
        known.walk(f"{label.value}.R", (f"{label.value}.R",), 0.1)
        if contact is Contact.FREE:
            known.walk(f"{label.value}.C", (f"{label.value}.C",), FREE_STEP["C"])
        elif contact is Contact.LOST:
            known.walk(f"{label.value}.C", (f"{label.value}.C",), 0.05)
    if Label.BLOCKING in labels.labels:
        known.walk("blocking electrode.Q", ("blocking electrode.Q",), TAIL_STEP)
    return known.problem(spectra, labels)
