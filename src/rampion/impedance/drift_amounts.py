"""How far a spectrum moved along two directions while it was scanned, by what breaks the Kramers–Kronig relations.

    ln Z(ω, p*) = ln Z(ω, p_ω) + [α s(ω) + β u (1 + ∂ ln Z/∂ ln ω)] (p* − p_ω)

s is the direction from spectrum to spectrum; the second one is that of resistances which all grow at constant
capacitance (they occur only as ωRC, so ∂ ln Z/∂ ln R = 1 + ∂ ln Z/∂ ln ω). A hold moves along a mixture of them, since
from hold to hold the voltage rises too. α and β are those after which the spectrum is best described by R, L, C and
relaxations, each of which obeys the relations, with a normal prior for what the relations do not see.

The measurement model is that of Boukamp, J. Electrochem. Soc. 142 (1995) 1885, doi:10.1149/1.2044210.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Complex, Float

from rampion.impedance.kramers_kronig import relaxation_columns

SMALLEST_NOISE = 5e-5  # of |Z|: the measurement model follows no spectrum closer
SMALLEST_VALUE = 1e-7  # of the largest singular value of the measurement model


class Prior(NamedTuple):
    """Mean and standard deviation of α and β before the spectrum is asked, and their correlation."""

    mean: tuple[float, float]
    std: tuple[float, float]
    correlation: float

    def covariance(self) -> Float[np.ndarray, "2 2"]:
        off = self.correlation * self.std[0] * self.std[1]
        return np.array([[self.std[0] ** 2, off], [off, self.std[1] ** 2]])


class Amounts(NamedTuple):
    """α and β with their covariance, the shift of ln Z that brings each point to the target, and its standard error."""

    values: Float[np.ndarray, " 2"]
    covariance: Float[np.ndarray, "2 2"]
    shift: Complex[np.ndarray, " n"]
    std: Float[np.ndarray, " n"]


def continuous_log(impedance: Complex[np.ndarray, " n"]) -> Complex[np.ndarray, " n"]:
    """ln Z without jumps of the phase by 2π between neighbouring points."""
    steps = np.concatenate([[0j], np.log(impedance[1:] / impedance[:-1])])
    return np.log(impedance[0]) + np.cumsum(steps)


def growth_at_constant_capacitance(
    frequency: Float[np.ndarray, " n"], impedance: Complex[np.ndarray, " n"]
) -> Complex[np.ndarray, " n"]:
    """(n,) 1 + ∂ ln Z/∂ ln ω of a smooth spectrum: its change when every resistance grows at constant capacitance."""
    single, first = np.unique(frequency, return_index=True)
    slope = np.gradient(continuous_log(impedance[first]), np.log(single))
    return 1 + np.interp(frequency, single, np.real(slope)) + 1j * np.interp(frequency, single, np.imag(slope))


def estimate_amounts(
    frequency: Float[np.ndarray, " n"],
    impedance: Complex[np.ndarray, " n"],
    directions: Complex[np.ndarray, "2 n"],
    noise: float,
    prior: Prior,
    admittance: bool = False,
) -> Amounts:
    """α and β of a spectrum whose ln Z has to move by α·directions[0] + β·directions[1] to belong to one instant.

    Assumes noise of equal relative size at all points; what the model does not explain (spikes, another law of the
    drift) widens the standard errors. Fails where the movement itself obeys the relations: then the prior is returned.

    Parameters
    ----------
    directions : (2, n) shifts of ln Z for α = 1 and for β = 1.
    noise : standard deviation of each part of Z, as a fraction of |Z|.
    admittance : it is 1/Z that obeys the relations (:func:`~rampion.impedance.kramers_kronig.check_kramers_kronig`).
    """
    response, sense = (1 / impedance, -1.0) if admittance else (impedance, 1.0)
    size = np.abs(response)
    columns = relaxation_columns(2 * np.pi * frequency, size)
    basis, values, _ = np.linalg.svd(columns, full_matrices=False)
    basis = basis[:, values > SMALLEST_VALUE * values[0]]

    def unexplained(parts: np.ndarray) -> np.ndarray:
        for _ in range(2):  # twice, for orthogonality to rounding
            parts = parts - basis @ (basis.T @ parts)
        return parts

    phase = response / size
    target = unexplained(np.concatenate([phase.real, phase.imag]))
    moved = sense * phase * directions
    design = unexplained(np.concatenate([moved.real, moved.imag], axis=1).T)
    centre, weight = np.array(prior.mean), np.linalg.inv(prior.covariance())
    variance = max(noise, SMALLEST_NOISE) ** 2
    spare = max(target.size - basis.shape[1], 1)
    found, covariance = centre, np.linalg.inv(weight)
    for _ in range(2):  # the second time with what the first left unexplained
        covariance = np.linalg.inv(design.T @ design / variance + weight)
        found = covariance @ (weight @ centre - design.T @ target / variance)
        left = target + design @ found
        variance = max(variance, float(left @ left) / spare)
    std_shift = np.sqrt(np.real(np.einsum("in,ij,jn->n", directions.conj(), covariance, directions)))
    return Amounts(found, covariance, found @ directions, std_shift)
