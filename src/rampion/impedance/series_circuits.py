"""Which circuit each spectrum of a series is fitted with, so that the circuit changes only where the data ask for it.

min Σᵢ [BICᵢ(cᵢ) + price·objections] + change·Σᵢ [cᵢ ≠ cᵢ₋₁] over the sequence of circuits cᵢ, by dynamic programming
(Viterbi, doi:10.1109/TIT.1967.1054010). Evidence too weak in one spectrum adds up over those beside it, and an arc
that comes or goes does so once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from rampion.impedance.choose import CircuitChoice, choose_circuit
from rampion.impedance.circuit import Element, Node, Parallel, Series, elements_of, parameter_kinds, serial_parts
from rampion.impedance.circuit_fit import CircuitFit
from rampion.impedance.notation import parse_circuit, print_circuit
from rampion.impedance.processes import Process, too_fast
from rampion.measurement import Spectrum

CHANGE = 12.0  # of the criterion: the evidence it takes to change the circuit between neighbours
MOST_CANDIDATES = 4
_FAR = 100.0  # of the criterion: no candidate at all
LOOSE = 0.5  # relative uncertainty of a resistance beyond which its part may be left out


def candidates_of(choices: Sequence[CircuitChoice]) -> list[Node]:
    """The circuits chosen somewhere, those nearest to it somewhere (at most four), and those closest to the points."""
    chosen = list(dict.fromkeys(choice.fit.notation for choice in choices))
    costs: dict[str, tuple[float, float]] = {}
    tables = []
    for choice in choices:
        scores = {c.circuit: c.criterion + c.price for c in choice.candidates}
        best = min(scores.values())
        tables.append({circuit: min(score - best, _FAR) for circuit, score in scores.items()})
    for circuit in dict.fromkeys(circuit for table in tables for circuit in table):
        behind = [table.get(circuit, _FAR) for table in tables]
        costs[circuit] = min(behind), sum(behind)
    others = [circuit for circuit in sorted(costs, key=lambda c: costs[c]) if circuit not in chosen]
    closest = [choice.description.fit.notation for choice in choices if choice.description is not None]
    wanted = dict.fromkeys([*[*chosen, *others][:MOST_CANDIDATES], *closest])
    return [parse_circuit(circuit) for circuit in wanted]


def choices_at(spectra: Sequence[Spectrum], places: Sequence[int], weighting: str) -> list[CircuitChoice]:
    """The choice on each of these spectra alone."""
    return [choose_circuit(spectra[index], weighting=weighting) for index in places]


def without_untold_parts(fit: CircuitFit) -> list[Node]:
    """The circuit without each of the parts of which the data do not tell a parameter; empty when all are told.

    Arcs of one make are in order, so of these the last goes: the same circuit remains.
    """
    parts = serial_parts(fit.circuit)
    found: list[Node] = []
    for part in parts:
        untold = any(
            any(flag.code == "unidentifiable" for flag in fit.parameters[name].flags)
            or (fit.units[name] == "ohm" and not fit.parameters[name].relative < LOOSE)
            for name in parameter_kinds(part)
        )
        if not untold or len(parts) < 2:
            continue
        make = [element.symbol for element in elements_of(part)], type(part)
        alike = [p for p in parts if ([element.symbol for element in elements_of(p)], type(p)) == make]
        rest = tuple(p for p in parts if p is not alike[-1])
        smaller = Series(rest) if len(rest) > 1 else next(iter(rest))
        if smaller not in found:
            found.append(smaller)
    return found


def with_ideal_fastest(fit: CircuitFit, processes: Sequence[Process]) -> list[Node]:
    """The circuit with a capacitor in its fastest arc where the window ends before that arc's apex.

    There the data do not tell an exponent, and with a free one they do not tell the resistance either. What was taken
    for a diffusion but turns faster than any stands for such an arc too.
    """
    parts = serial_parts(fit.circuit)
    top = float(fit.frequency.max())
    beyond = {p.part for p in processes if p.kind == "arc" and not p.frequency.value < top}
    fast = {p.part for p in processes if too_fast(p)}
    arcs = [part for part in parts if _symbols(part) == ["R", "CPE"]]
    found = []
    if arcs and print_circuit(arcs[0]) in beyond:
        found.append(_numbered([_IDEAL if part is arcs[0] else part for part in parts]))
    for part in parts:
        if isinstance(part, Element) and print_circuit(part) in fast:
            leads = [p for p in parts if p not in arcs and p is not part]
            found.append(_numbered([*leads, _IDEAL, *arcs]))
    return found


_IDEAL = Parallel((Element("R"), Element("C")))


def _symbols(part: Node) -> list[str]:
    return [element.symbol for element in elements_of(part)]


def _numbered(parts: Sequence[Node]) -> Node:
    """The parts in series, arcs and what follows them numbered from 1."""
    out: list[Node] = []
    number = 0
    for part in parts:
        if _symbols(part) in (["R", "CPE"], ["R", "C"]) or number:
            number += 1
            label = str(number)
            out.append(
                Element(part.symbol, label)
                if isinstance(part, Element)
                else Parallel(tuple(Element(element.symbol, label) for element in elements_of(part)))
            )
        else:
            out.append(part)
    return Series(tuple(out)) if len(out) > 1 else out[0]


def without_slowest_arc(circuit: Node) -> Node | None:
    """The circuit with one arc fewer; arcs of one make are in order, so whichever goes, the same circuit remains."""
    parts = serial_parts(circuit)
    arcs = [part for part in parts if not isinstance(part, Element) and len(elements_of(part)) == 2]
    if not arcs or len(parts) < 2:
        return None
    rest = tuple(part for part in parts if part is not arcs[-1])
    return Series(rest) if len(rest) > 1 else next(iter(rest))


def cheapest_sequence(costs: Float[np.ndarray, "m k"], change: float = CHANGE) -> Int[np.ndarray, " m"]:
    """The index of the circuit of each spectrum: the sequence of least cost, ``change`` for each change."""
    count, kinds = costs.shape
    total = costs[0].copy()
    came = np.zeros((count, kinds), int)
    for row in range(1, count):
        jump = int(np.argmin(total))
        stay = total <= total[jump] + change
        came[row] = np.where(stay, np.arange(kinds), jump)
        total = np.where(stay, total, total[jump] + change) + costs[row]
    path = np.empty(count, int)
    path[-1] = int(np.argmin(total))
    for row in range(count - 1, 0, -1):
        path[row - 1] = came[row, path[row]]
    return path
