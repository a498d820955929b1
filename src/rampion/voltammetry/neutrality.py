"""Where a sweep's model ends: the plating face so depleted that the salt can no longer be neutral there.

A neutral profile asks, by Poisson's equation with φ = ln c there, for a charge whose share of all ions at the face is

    κ = λ_D(c_face)/(c/|c_x|) ,   λ_D = √(ε RT/(2 F² c)) ,

the Debye length over the length on which the concentration runs out. Beyond κ = 1 space charge carries the current:
concentration and potential of the face are no longer those of the model, and neither is a level, a t₊ or a D from them.
κ grows e-fold about every RT/F of the cell voltage. With ξ = x/L and a binary cell's numbers (g, c' of
:mod:`rampion.cell.binary`) κ = (λ₀/L) g/c'^{3/2}, and by Nernst and Einstein (λ₀/L)² = ε/(4 t₊(1 - t₊) σ τ).

Assumes point ions, and a face without a charge of its own.

Sources: W. H. Smyrl, J. Newman, Trans. Faraday Soc. 63, 207 (1967), doi:10.1039/TF9676300207; M. Z. Bazant, K. T. Chu,
B. J. Bayly, SIAM J. Appl. Math. 65, 1463 (2005), doi:10.1137/040609938.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from rampion.cell.binary import grid_of, logarithms_of
from rampion.cell.binary_march import march
from rampion.estimate import Estimate
from rampion.measurement import Sample
from rampion.quantities import VACUUM_PERMITTIVITY
from rampion.voltammetry.courses import CLOSE, OCTAVES, Family, History, cell_numbers, inverse_logit
from rampion.voltammetry.event_place import close_explanations
from rampion.voltammetry.finding import SpaceCharge
from rampion.voltammetry.verdict import Judgement, smoothed

BEYOND = 1.0  # κ: all ions of one sign. Its place moves by RT/F where κ is e times another
PERMITTIVITY = 50.0  # relative, of a garnet's bulk; three times as much moves the place by 17 mV


def face_charge(
    history: History, numbers: Float[np.ndarray, " 3"], debye: float
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """Time [s], cell voltage [V] and κ (m,) of a polarising cell that is taken through a voltage.

    Parameters
    ----------
    numbers : ln W, logit t₊, logit of the share in series (:mod:`rampion.voltammetry.courses`).
    debye : λ_D at rest over the thickness.
    """
    scan, transference, share = np.exp(numbers[:1]), inverse_logit(numbers[1:2]), inverse_logit(numbers[2:])
    cell = cell_numbers(history, scan, transference, share)
    states = [step.state for step in march(cell, history.lines, CLOSE, grid=grid_of(OCTAVES, CLOSE)).steps]
    time, potential, flux, spread = (
        np.array([float(np.ravel(value)[0]) for value in column])
        for column in zip(*((one.time, one.potential, one.flux, one.spread) for one in states), strict=True)
    )
    # the emptier face, whichever way the current flows
    return time, potential, debye * np.abs(flux) * np.exp(-1.5 * logarithms_of(np.abs(spread))[0])


def space_charge_of(judgement: Judgement, sample: Sample, current: Estimate) -> SpaceCharge | None:
    """Where the best explanation by a polarising cell leaves neutrality, ``None`` where it does not, where no such
    explanation counts, or where thickness or area are not known.

    Parameters
    ----------
    current : [A] of the event.
    """
    cells = (one for one, _ in close_explanations(judgement) if one.family is Family.CELL)
    best, history = next(cells, None), judgement.blocks.history
    if best is None or sample.thickness is None or sample.area is None:
        return None
    transference, share = (float(inverse_logit(one)) for one in best.numbers[1:])
    # conductivity of the ceramic alone, and L²/D
    sigma = best.conductance * sample.thickness.value / sample.area.value / (1.0 - share)
    tau = math.exp(float(best.numbers[0])) * history.thermal_voltage / history.rate
    neutral = 4.0 * transference * (1.0 - transference) * sigma * tau
    if not neutral > 0.0:
        return None
    debye = math.sqrt(PERMITTIVITY * VACUUM_PERMITTIVITY / neutral)
    time, potential, charge = face_charge(history, best.numbers, debye)
    k = int(np.argmax(charge > BEYOND))
    if not charge[k] > BEYOND:
        return None
    near = slice(max(k - 1, 0), k + 1)
    size = np.log(np.maximum(charge[near], 1e-300) / BEYOND)
    when, where = (float(np.interp(0.0, size, one[near])) for one in (time, potential))
    before = smoothed(judgement.blocks, judgement.best)[history.time < when]
    return SpaceCharge(where, bool(np.max(before, initial=0.0) >= current.low))
