"""The circuits of a pellet between two electrodes, and the search among them: each grows out of a smaller one.

Leads (L, or L parallel to R where they have losses), a resistance of what relaxes above the window (bulk), up to four
depressed arcs (bulk or grain boundary, interface, slow interface), and a tail: none, blocking electrode (CPE) or
diffusion of finite length (Ws).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rampion.impedance.circuit_fit import CircuitFit
from rampion.measurement import Spectrum

MOST_ARCS = 4
TAILS = ("", "CPE", "Ws")
LEADS = ("", "L0", "p(L0,R9)")  # none; an inductance; with losses (eddy currents in what surrounds it)
_TOLD = 0.1  # relative uncertainty of a part that cannot be left out

Values = dict[str, float]
Attempt = Callable[[str, Sequence[Values]], "CircuitFit | None"]
Score = Callable[[CircuitFit], float]


@dataclass(frozen=True, slots=True)
class Member:
    """One member of the family."""

    arcs: int
    tail: str = ""
    leads: str = ""
    series: bool = True

    @property
    def circuit(self) -> str:
        """As text, ``L0-R0-p(R1,CPE1)-…-CPE3``."""
        parts = [self.leads] * bool(self.leads) + ["R0"] * self.series
        parts += [f"p(R{number},CPE{number})" for number in range(1, self.arcs + 1)]
        if self.tail:
            parts.append(f"{self.tail}{self.arcs + 1}")
        return "-".join(parts)

    @property
    def size(self) -> int:
        """Number of its parameters."""
        return 3 * self.arcs + 2 * bool(self.tail) + LEADS.index(self.leads) + self.series


def family_circuit(arcs: int, tail: str = "", leads: str = "", series: bool = True) -> str:
    """The member of the pellet family with that many arcs; ``leads`` of :data:`LEADS`."""
    return Member(arcs, tail, leads, series).circuit


def search_family(spectrum: Spectrum, attempt: Attempt, patterned: Callable[[CircuitFit], bool]) -> list[CircuitFit]:
    """Fits of the members worth comparing.

    Under each tail arcs are added until two more bring nothing; from the best the search goes on to its neighbours,
    which have one part more, less or another, until none has a smaller BIC. While the best still leaves a pattern
    (``patterned``), the neighbours of the next best are looked at too.

    Parameters
    ----------
    attempt : fits a circuit from the data and from the starting values given besides; None where it has too many
        parameters.
    """
    fits: dict[Member, CircuitFit] = {}
    tried: set[Member] = set()

    def add(member: Member, near: Member | None = None) -> CircuitFit | None:
        known = fits.get(member)
        if member in tried and (known is None or near is None or member.size > near.size):
            return known
        if member.arcs or member.tail or member.series:
            starts = [] if near is None else starts_from(spectrum, fits[near], near, member)
            fit = attempt(member.circuit, starts)
            if fit is not None and (known is None or fit.chi_square < known.chi_square):
                fits[member] = fit
        tried.add(member)
        return fits.get(member)

    def grow(member: Member) -> Member:
        """The member with so many arcs that two more bring nothing."""
        best, patience = member, 0
        add(member)
        for arcs in range(member.arcs + 1, MOST_ARCS + 1):
            larger, known = replace(best, arcs=arcs), fits.get(best)
            fit = add(larger, replace(larger, arcs=arcs - 1)) if known is not None else None
            if fit is None or known is None:
                break
            if fit.bic < known.bic - 2:
                best, patience = larger, 0 if fit.whiteness > 1e-3 else 1  # a pattern may need two arcs at once
            elif patience:
                patience -= 1
            else:
                break
        return best

    order = np.argsort(spectrum.frequency)[::-1]
    top = spectrum.impedance[order][: max(3, len(spectrum) // 6)]
    inductive = bool(np.any(np.imag(top) > 0))
    roots = [grow(Member(0, "", leads)) for leads in (LEADS[1:] if inductive else LEADS[:1])]
    known = [member for member in roots if member in fits]
    if known:
        grown = min(known, key=lambda member: fits[member].bic)
        for tail in TAILS[1:]:
            grow(replace(grown, tail=tail, arcs=max(grown.arcs - 2, 0)))
    looked: set[Member] = set()
    while fits:
        ranked = sorted(fits, key=lambda member: fits[member].bic)
        depth = 3 if patterned(fits[ranked[0]]) else 1
        fresh = [member for member in ranked[:depth] if member not in looked]
        if not fresh:
            break
        looked.add(fresh[0])
        for neighbour in _neighbours(fresh[0], fits[fresh[0]]):
            add(neighbour, fresh[0])
    # losses of the leads that the data do not tell are none
    return [fit for fit in fits.values() if "R9" not in fit.parameters or fit.parameters["R9"].relative < 0.5]


def _neighbours(member: Member, fit: CircuitFit) -> Iterator[Member]:
    """One part more, less or another; what is told to a tenth stays."""
    arcs, tail = member.arcs, member.tail
    if arcs:
        yield replace(member, arcs=arcs - 1)
    if arcs < MOST_ARCS:
        yield replace(member, arcs=arcs + 1)
    for other in TAILS:
        if other != tail:
            yield replace(member, tail=other)
            if other and arcs:  # the slowest arc was this tail
                yield replace(member, tail=other, arcs=arcs - 1)
    if tail and arcs < MOST_ARCS:  # or the tail an arc
        yield replace(member, tail="", arcs=arcs + 1)
    place = LEADS.index(member.leads)
    if place + 1 < len(LEADS):
        yield replace(member, leads=LEADS[place + 1])
    if place and not (place == 1 and fit.parameters["L0"].relative < _TOLD):
        yield replace(member, leads=LEADS[place - 1])
    if not member.series:
        yield replace(member, series=True)
    elif (arcs or tail) and not fit.parameters["R0"].relative < _TOLD:
        yield replace(member, series=False)


def starts_from(spectrum: Spectrum, fit: CircuitFit, known: Member, wanted: Member) -> list[Values]:
    """Starting values of a member from the fit of a neighbour.

    What both have is taken over. An arc more comes from each arc in two halves, or between and beside those that are
    there; an arc less, from each left out; other parts start at the size of what |Z| and ω span.
    """
    value: Values = {name: estimate.value for name, estimate in fit.parameters.items()}
    omega = 2 * math.pi * np.asarray(spectrum.frequency)
    size = np.abs(spectrum.impedance)
    slow, fast = int(np.argmin(omega)), int(np.argmax(omega))
    slowest, fastest, low, high = float(omega[slow]), float(omega[fast]), float(size[slow]), float(size[fast])
    common: Values = {}
    if wanted.leads:
        common["L0"] = value["L0"] if known.leads else 0.1 * high / fastest
        if wanted.leads != "L0":
            common["R9"] = value.get("R9", high)
    if wanted.series:
        common["R0"] = value.get("R0", 0.5 * float(size.min()))
    if wanted.tail:
        old, new = f"{wanted.tail}{known.arcs + 1}.", f"{wanted.tail}{wanted.arcs + 1}."
        if wanted.tail == known.tail:
            common |= {new + name.removeprefix(old): v for name, v in value.items() if name.startswith(old)}
        elif wanted.tail == "CPE":
            common |= {new + "Q": 2 / (low * slowest**0.8), new + "alpha": 0.8}
        else:
            common |= {new + "R": 0.5 * low, new + "tau": 2.5 / slowest}
    arcs = [(value[f"R{n}"], value[f"CPE{n}.Q"], value[f"CPE{n}.alpha"]) for n in range(1, known.arcs + 1)]
    return [common | _named(choice) for choice in _arcs_changed(arcs, wanted.arcs - known.arcs, omega, size)]


_Arc = tuple[float, float, float]  # R, Q, α


def _arcs_changed(arcs: list[_Arc], more: int, omega: np.ndarray, size: np.ndarray) -> list[list[_Arc]]:
    if more == 0:
        return [arcs]
    if more == -1:
        return [arcs[:place] + arcs[place + 1 :] for place in range(len(arcs))]
    found = []
    for place, (r, q, alpha) in enumerate(arcs):
        tau = (r * q) ** (1 / alpha)
        found.append([*arcs[:place], _arc(0.5 * r, tau / 3), _arc(0.5 * r, tau * 3), *arcs[place + 1 :]])
    times = [-math.log(omega.max()), *sorted(math.log(r * q) / alpha for r, q, alpha in arcs), -math.log(omega.min())]
    typical = 0.2 * math.exp(float(np.mean(np.log(size))))
    for early, late in itertools.pairwise(times):
        if late - early > 1.0:
            found.append([*arcs, _arc(typical, math.exp(0.5 * (early + late)))])
    return found


def _arc(resistance: float, time: float, exponent: float = 0.9) -> _Arc:
    return resistance, time**exponent / resistance, exponent


def _named(arcs: Sequence[_Arc]) -> Values:
    out: Values = {}
    for number, (r, q, alpha) in enumerate(arcs, 1):
        out |= {f"R{number}": r, f"CPE{number}.Q": q, f"CPE{number}.alpha": alpha}
    return out
