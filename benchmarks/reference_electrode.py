"""What a reference electrode adds, on simulated cells of known truth: coverage of the shares, the side that polarises.

    python benchmarks/reference_electrode.py --draws 120 --seed 78

Drawn are the cell (polarising electrolyte, or a contact that is used up), the depth and its stated uncertainty, the
sign of the sweep and its rate; the record has the laboratory instrument's noise, and its reference an offset (20 mV)
and a gain error (0.2 %) of its input. Everything here is synthetic.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import replace

import numpy as np

from rampion.cell.contact import ContactLoss
from rampion.cell.instrument import laboratory_instrument, measure
from rampion.cell.parameters import Cell, thermal_voltage
from rampion.cell.simulate import simulate
from rampion.estimate import Estimate
from rampion.measurement import WORKING_POTENTIAL, Sample, Sweep, Trace
from rampion.voltammetry.analyse import analyse_trace
from rampion.voltammetry.reference_electrode import Side, with_electrolyte

AREA, STOP = 4e-6, 0.6
GAIN, OFFSET, ELECTROLYTE = 2e-3, 0.02, 0.01  # standard deviations: of the input's gain, of its offset [V], of R


def draw(generator: np.random.Generator) -> tuple[Cell, Sweep, bool]:
    """A cell with a reference, its sweep, and whether a contact is used up."""

    def log(low: float, high: float) -> float:
        return float(10.0 ** generator.uniform(math.log10(low), math.log10(high)))

    thickness, conductivity, rate = log(3e-4, 2e-3), log(0.01, 0.1), log(5e-5, 1e-3)
    electrolyte = thickness / conductivity
    contact, sign = bool(generator.random() < 0.4), float(generator.choice([-1.0, 1.0]))
    cell = Cell(
        thickness=thickness, conductivity=conductivity, concentration=4e4 if contact else log(100.0, 2000.0),
        transference=generator.uniform(0.2, 0.9), diffusivity=log(1e-12, 1e-11), area=AREA,
        interface_resistance=log(0.01, 1.0) * electrolyte, exchange_current=log(10.0, 300.0),
        reference=generator.uniform(0.1, 0.9),
    )  # fmt: skip
    if contact:
        largest = STOP / electrolyte
        stripped = "counter" if sign > 0 else "working"
        capacity = generator.uniform(0.03, 0.2) * largest * STOP / rate
        lost = ContactLoss(capacity=capacity, resistance=log(0.003, 0.3) * electrolyte, electrode=stripped)
        cell = replace(cell, terms=(lost,))
    return cell, Sweep(rate=rate, start=0.0, stop=sign * STOP), contact


def truth(cell: Cell, sweep: Sweep, contact: bool) -> tuple[float, float, float, Side]:
    """Shares of the resistance before the reference, in the working interface and in the electrolyte; the side."""
    assert cell.reference is not None
    electrolyte = cell.thickness / cell.conductivity
    interface = 0.5 * cell.interface_resistance + thermal_voltage(cell) / cell.exchange_current
    lost = cell.terms[0].resistance if contact else 0.0
    positive = sweep.stop > 0
    working = interface + (0.0 if positive else lost)
    whole = 2.0 * interface + lost + electrolyte
    side = Side.COUNTER if contact == positive else Side.WORKING  # plating polarises, stripping uses up the contact
    return (working + cell.reference * electrolyte) / whole, working / whole, electrolyte / whole, side


def recorded(trace: Trace, generator: np.random.Generator) -> Trace:
    """What an instrument records of it, its reference with an offset and its input with a gain error."""
    seen = measure(trace, laboratory_instrument(), int(generator.integers(1 << 31)))
    assert isinstance(seen, Trace)
    working = (1.0 + GAIN * generator.standard_normal()) * seen.extra[WORKING_POTENTIAL]
    return replace(seen, extra={**seen.extra, WORKING_POTENTIAL: working + OFFSET * generator.standard_normal()})


def main() -> None:
    """Print, of each kind of cell, what share of intervals holds the truth and how often the side is right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    generator = np.random.default_rng(options.seed)
    found: dict[bool, list[tuple[bool, ...]]] = {False: [], True: []}
    widths: list[float] = []
    for number in range(options.draws):
        cell, sweep, contact = draw(generator)
        before, interface, electrolyte, side = truth(cell, sweep, contact)
        assert cell.reference is not None
        trace = recorded(simulate(cell, sweep).traces[0], generator)
        spread = generator.uniform(0.01, 0.05)
        stated = min(max(cell.reference + spread * generator.standard_normal(), 0.001), 0.999)
        sample = Sample(
            thickness=Estimate(cell.thickness, 0.0), area=Estimate(AREA, 0.0),
            reference_depth=Estimate(stated * cell.thickness, spread * cell.thickness),
        )  # fmt: skip
        (finding,) = analyse_trace(trace, sample)
        reference = finding.reference
        if reference is None or reference.interface_share is None:
            print(f"{number}: no reference found ({finding.verdict})")
            found[contact].append((False,) * 5)
            continue
        exact = electrolyte * cell_resistance(cell, contact)
        seen = Estimate(exact * (1.0 + ELECTROLYTE * generator.standard_normal()), ELECTROLYTE * exact)
        known = with_electrolyte(reference, seen)[0].interface_share
        assert known is not None
        share, span = reference.working_share, reference.interface_share
        row = (
            share.low <= before <= share.high, span.low <= interface <= span.high,
            known.low <= interface <= known.high, reference.polarising is side,
            reference.polarising is Side.UNDETERMINED,
        )  # fmt: skip
        found[contact].append(row)
        widths.append(known.std)
        if not (row[0] and row[2] and row[3]):
            print(
                f"{number}: contact {contact}, x/L {cell.reference:.2f}, side's share {before:.4f} found "
                f"{share.value:.4f} ± {share.std:.4f}; interface {interface:.3f} found {known.value:.3f} ± "
                f"{known.std:.3f}; {reference.polarising} ({finding.verdict})"
            )
    for contact, rows in found.items():
        shares = np.mean(rows, axis=0) if rows else np.full(5, math.nan)
        print(f"{'contact' if contact else 'polarising'}: {len(rows)} cells; share before the reference covered "
              f"{shares[0]:.3f}, interface's span {shares[1]:.3f}, interface with spectrum {shares[2]:.3f}; side right "
              f"{shares[3]:.3f}, not determined {shares[4]:.3f}")  # fmt: skip
    print(f"interface's share with a spectrum: median standard uncertainty {np.median(widths):.3f}")


def cell_resistance(cell: Cell, contact: bool) -> float:
    """The whole cell's resistance at rest [Ω]."""
    lost = cell.terms[0].resistance if contact else 0.0
    kinetics = 2.0 * thermal_voltage(cell) / cell.exchange_current
    return (cell.thickness / cell.conductivity + cell.interface_resistance + kinetics + lost) / cell.area


if __name__ == "__main__":
    main()
