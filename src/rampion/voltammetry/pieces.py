"""What is found on one sweep before it is weighed: rises, peak, excursions, losses and limits, each in its part."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rampion.voltammetry.contact import ContactLoss, find_contact_loss
from rampion.voltammetry.limits import Clipping, find_clipping
from rampion.voltammetry.noise import local_noise, moving_lines, noise_floor, straight_line
from rampion.voltammetry.ohmic import OhmicLine
from rampion.voltammetry.onset import fit_onset
from rampion.voltammetry.peak import Peak, find_peak
from rampion.voltammetry.penetration import Penetration, Rise, find_rises
from rampion.voltammetry.short import Excursion, NoiseChange, find_excursions, find_noise_change
from rampion.voltammetry.voltammogram import Voltammogram

_LEVEL_SLOPE = 0.1  # of the ohmic conductance: the end of a sweep that has levelled off


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pieces:
    """All that was found on one sweep, before it is weighed. ``index`` maps the swept points to the voltammogram's."""

    index: np.ndarray
    line: OhmicLine | None
    clipping: Clipping | None
    excursions: tuple[Excursion, ...]
    outside: Bool[np.ndarray, " n"]
    rises: tuple[Rise, ...]
    penetration: Penetration | None
    peak: Peak | None
    contact: ContactLoss | None
    noise_change: NoiseChange | None
    levelled: bool


def find_pieces(
    voltammogram: Voltammogram, line: OhmicLine | None, semi: Float[np.ndarray, " n"], thermal_voltage: float
) -> Pieces:
    """Everything that is looked for on one sweep; ``semi`` (n,) is the semi-integral of its current [A·s½]."""
    index = np.flatnonzero(voltammogram.swept)
    x, y, noise = voltammogram.ramp[index], voltammogram.current[index], voltammogram.noise[index]
    clipping = find_clipping(x, y, noise, voltammogram.resolution)
    if clipping is not None:
        index, x, y = (a[: clipping.first] for a in (index, x, y))
        noise = noise[: clipping.first]
        if not voltammogram.range_changes:
            noise = local_noise(voltammogram.time[index], y, noise_floor(y, voltammogram.resolution))
    excursions, inside = find_excursions(x, y, noise)
    rising = tuple(e for e in excursions if e.height > 0)
    outside = ~inside
    u, v, s = x[outside], y[outside], noise[outside]
    conductance = (
        line.conductance.value if line is not None else straight_line(u[: u.size // 4 + 2], v[: u.size // 4 + 2])[0]
    )
    conductance = max(conductance, 0.0)
    start = int(np.searchsorted(u, line.window[0])) if line is not None else 0
    rises = find_rises(u, v, s, conductance, start)
    bends = line is not None and line.polarises > 0.5
    penetration = _penetration(u, v, s, rises, start, thermal_voltage, bends)
    last = penetration.first + 1 if penetration is not None else u.size
    peak = find_peak(u[:last], v[:last], s[:last])
    contact = None
    if penetration is None:
        course = line.at(x) if line is not None else np.full(x.size, math.inf)
        contact = find_contact_loss(x, y, noise, semi[index], inside, course)
    level = False
    if peak is None and u.size >= 24 and conductance > 0:
        _, slope, _, error = moving_lines(u, v, s, u.size // 10)
        end = slope[-u.size // 10 - 1], error[-u.size // 10 - 1]
        level = bool(end[0] < _LEVEL_SLOPE * conductance + 2 * end[1] and end[1] < 0.2 * conductance)
    return Pieces(
        index=index,
        line=line,
        clipping=clipping,
        excursions=rising if rising else excursions,
        outside=outside,
        rises=rises,
        penetration=penetration,
        peak=peak,
        contact=contact,
        noise_change=_noise_change(voltammogram, index[outside][:last]),
        levelled=level,
    )


def _noise_change(voltammogram: Voltammogram, index: np.ndarray) -> NoiseChange | None:
    """The largest lasting change of noise inside one current range."""
    bounds = [0, *np.searchsorted(index, voltammogram.range_changes).tolist(), index.size]
    found = []
    for a, b in itertools.pairwise(bounds):
        part = index[a:b]
        found.append(
            find_noise_change(
                voltammogram.time[part], voltammogram.ramp[part], voltammogram.current[part], voltammogram.resolution
            )
        )
    return max((change for change in found if change is not None), key=lambda change: change.ratio, default=None)


def _penetration(
    x: np.ndarray,
    y: np.ndarray,
    noise: np.ndarray,
    rises: tuple[Rise, ...],
    start: int,
    thermal_voltage: float,
    bends: bool,
) -> Penetration | None:
    lasting = [rise for rise in rises if rise.lasting]
    if not lasting:
        return None
    rise = lasting[0]
    current, potential, first = fit_onset(x, y, noise, rise, start, thermal_voltage, bends)
    return Penetration(
        onset_current=current,
        onset_potential=potential,
        first=first,
        steepness=rise.steepness,
        excess=rise.excess,
        significance=rise.significance,
    )
