"""The points of spectra that a person leaves out of their analysis: outside a frequency window, or masked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float

from rampion.errors import DecisionError, InputError
from rampion.measurement import Experiment, Masked, MaskedBy, Spectrum, selected_frequencies


def check_window(fmin: float, fmax: float) -> None:
    """Refuse a window [Hz] that no spectrum can have a point in.

    Raises
    ------
    DecisionError
        When an end is negative or NaN, or the lower one is not below the upper.
    """
    if not (fmin >= 0 and fmax > 0):
        raise DecisionError(
            f"The frequency window runs from {fmin:g} Hz to {fmax:g} Hz; expected positive frequencies."
        )
    if not fmin < fmax:
        raise DecisionError(f"The frequency window runs from {fmin:g} Hz to {fmax:g} Hz; expected the lower end first.")


def points_kept(
    frequency: Float[np.ndarray, " n"], fmin: float = 0.0, fmax: float = math.inf, masked: Iterable[Masked] = ()
) -> Bool[np.ndarray, " n"]:
    """Which points at ``frequency`` [Hz] lie from ``fmin`` to ``fmax`` [Hz], ends included, in no masked stretch."""
    kept = (frequency >= fmin) & (frequency <= fmax)
    for stretch in masked:
        if stretch.by is MaskedBy.FREQUENCY:
            kept &= ~((frequency >= stretch.low) & (frequency <= stretch.high))
    return kept


def check_enough(kept: Bool[np.ndarray, " n"], frequency: Float[np.ndarray, " n"], name: str) -> None:
    """Refuse to leave out so many points of the spectrum of that ``name`` that none of its processes shows.

    Raises
    ------
    InputError
        With how many are left and how many are needed.
    """
    from rampion.impedance.evidence import FEWEST_POINTS

    left = int(kept.sum())
    if left < kept.size and left < FEWEST_POINTS:
        raise InputError(
            f"Of the {kept.size} points of {name} ({frequency.min():.3g} Hz to {frequency.max():.3g} Hz) the frequency "
            f"window and the masks leave {left}; expected {FEWEST_POINTS} or more: widen the window or mask less."
        )


def narrowed(
    experiment: Experiment, fmin: float, fmax: float, kept: Mapping[int, Bool[np.ndarray, " _"]]
) -> Experiment:
    """The experiment with the points of its spectra that are in the window [Hz] and among those ``kept`` by number.

    Raises
    ------
    InputError
        When too few points of a spectrum are left.
    """
    parts, number = [], 0
    for part in experiment.parts:
        if isinstance(part, Spectrum):
            number += 1
            stays = points_kept(part.frequency, fmin, fmax)
            stays &= kept.get(number, np.ones(len(part), dtype=bool))
            check_enough(stays, part.frequency, f"spectrum {number} of {experiment.known_as}")
            part = part if stays.all() else selected_frequencies(part, stays)
        parts.append(part)
    return replace(experiment, parts=tuple(parts))
