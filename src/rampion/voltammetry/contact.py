"""Contact loss: what a single sweep can show of it.

Using up the stripping contact (θ_t = -J/Q_c, J = V/(L/σ + r₀/θ)) makes a current maximum, as depletion of the
electrolyte does. A single sweep tells them apart in two cases only: the current breaks off abruptly, which no
diffusion can do, or it dies away so that the *charge* has a plateau and the semi-integral falls, where depletion
leaves a current that falls no faster than t^-1/2 and a semi-integral that stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rampion.voltammetry.noise import block_means, moving_lines
from rampion.voltammetry.short import find_jumps

_ABRUPT_SHARE = 0.15  # of the current, lost within one or two samples and not regained
_DEAD_SHARE = 0.12  # of the maximum, left at the end
_SEMI_INTEGRAL_KEPT = 0.8  # of its maximum, at the end


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactLoss:
    """Evidence of contact loss in one sweep.

    first: index of the last point before the loss; abrupt_share: current lost in steps over the current before;
    remaining: current at the end over the maximum; semi_integral_kept: its end over its maximum; by: which of the two
    tests decided ("abrupt" or "exhausted").
    """

    first: int
    abrupt_share: float
    remaining: float
    semi_integral_kept: float
    by: str


def find_contact_loss(
    potential: Float[np.ndarray, " n"],
    current: Float[np.ndarray, " n"],
    noise: Float[np.ndarray, " n"],
    semi_integral: Float[np.ndarray, " n"],
    excursion: Bool[np.ndarray, " n"],
    course: Float[np.ndarray, " n"],
) -> ContactLoss | None:
    """Evidence that the contact, not the electrolyte, ended the rise of the current; ``None`` when there is none.

    *Abrupt*: downward steps (:func:`~rampion.voltammetry.short.find_jumps`) outside excursions that are not regained
    take away more than 15 % of the current. *Exhausted*: at the end less than 12 % of the maximum is left, and the
    semi-integral has fallen below 0.8 of its maximum: the charge is what is limited.

    Assumes that depletion cannot lose 15 % of the current between two samples (it falls as t^-1/2).
    Fails to see a contact that is replenished by creep as fast as it is used: that looks like a limiting peak.

    Parameters
    ----------
    potential, current, noise, semi_integral : (n,) [V], [A], [A], [A·s½].
    excursion : (n,) points inside excursions that came back.
    course : (n,) [A] the ohmic line; infinite where there is none.
    """
    kept = np.flatnonzero(~excursion)
    if kept.size < 12:
        return None
    x, y, std = block_means(potential[kept], current[kept], noise[kept], 400)
    smooth = moving_lines(x, y, std, max(1, x.size // 60))[0]
    top = float(np.max(smooth))
    if top <= 0:
        return None
    remaining = float(np.mean(y[-max(2, x.size // 40) :]) / top)
    highest = float(np.max(semi_integral))
    kept_share = float(np.mean(semi_integral[-3:]) / highest) if highest > 0 else 1.0

    places, heights = find_jumps(potential[kept], current[kept], noise[kept])
    lost, first = 0.0, -1
    for place, height in zip(places, heights, strict=True):
        before = float(np.median(current[kept][max(0, place - 4) : place + 1]))
        if height >= 0 or before < 0.2 * top:
            continue
        later = current[kept][place + 1 : place + 6]
        if later.size < 2:  # the record ends with the step: nothing says that it lasts
            continue
        sound = min(before, float(course[kept][place]))  # the end of a missed excursion is no loss
        # beyond the trend: a steep decay between two samples far apart is no step
        step = min(sound - float(np.median(later)), -1.2 * float(height)) / before
        if step > 0.05:
            lost += step
            first = int(kept[place]) if first < 0 else first
    if lost > _ABRUPT_SHARE:
        return ContactLoss(
            first=first, abrupt_share=lost, remaining=remaining, semi_integral_kept=kept_share, by="abrupt"
        )
    highest_at = int(np.argmax(smooth))
    interior = 3 < highest_at < x.size - 4
    if interior and remaining < _DEAD_SHARE and kept_share < _SEMI_INTEGRAL_KEPT:
        at = int(np.argmin(np.abs(potential - x[highest_at])))
        return ContactLoss(
            first=at, abrupt_share=lost, remaining=remaining, semi_integral_kept=kept_share, by="exhausted"
        )
    return None
