"""From a campaign to the evidence table: each argument's statistic, gathered from what was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rampion.campaign.collapse import Similarity, overlay_scans
from rampion.campaign.scaling import fit_power_law
from rampion.errors import InputError
from rampion.estimate import Estimate
from rampion.mechanisms.argument import Arguments
from rampion.mechanisms.evidence import EvidenceTable, exponent_pair, measured, weigh_evidence
from rampion.mechanisms.prediction import Counted, Measured
from rampion.study.constant_current import SAND_EXPONENT, prefactor, ran_away
from rampion.study.events import Event, column, pellets, settings
from rampion.study.laws import PENETRATION, ScalingLaw
from rampion.study.recovery import Impedance
from rampion.transport.finding import TransportFinding
from rampion.voltammetry.finding import Kind

SLOW = 1e-4  # V/s: sweeps below are expected to show a limit if there is one

Observed = dict[Arguments, Measured | Counted]


def gather_evidence(
    events: Sequence[Event],
    swept: Sequence[Event],
    laws: Sequence[ScalingLaw],
    transport: Sequence[TransportFinding],
    impedance: Impedance,
) -> EvidenceTable | None:
    """The evidence table of a campaign; ``None`` when nothing was measured that speaks to any mechanism.

    ``events`` are all findings, ``swept`` the uninterrupted sweeps among them.
    """
    observed: Observed = _peaks(swept)
    observed |= _exponents(swept, laws)
    observed |= _overlays(swept)
    observed |= _ohmic_share(swept)
    observed |= _runs(events, swept, transport)
    observed |= _precursors(events)
    observed |= {argument: measured(estimate) for argument, estimate in impedance.statistics.items()}
    return weigh_evidence(observed) if observed else None


def _limited(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if event.limited and not event.plateau]


def _peaks(swept: Sequence[Event]) -> Observed:
    slow = [event for event in swept if event.rate <= SLOW and not event.penetrated]
    if not slow:
        return {}
    return {Arguments.PEAK_EXISTS: Counted(sum(event.limited for event in slow), len(slow))}


def _exponents(swept: Sequence[Event], laws: Sequence[ScalingLaw]) -> Observed:
    found: Observed = {}
    for law in laws:
        if law.law is None or law.setting.startswith(PENETRATION):
            continue
        if law.against == ("scan_rate", "thickness"):
            pair = {"current_density": Arguments.EXPONENT_PAIR, "charge": Arguments.CAPACITY_PAIR}
            if law.quantity in pair:
                found[pair[law.quantity]] = exponent_pair(law.law)
        elif law.quantity == "current_density":
            by_rate = law.against == ("scan_rate",)
            argument = Arguments.RATE_EXPONENT if by_rate else Arguments.THICKNESS_EXPONENT
            found.setdefault(argument, measured(law.law.exponents[0]))
    return found | _semi_integral(swept)


def _semi_integral(swept: Sequence[Event]) -> Observed:
    pairs = [(event, plateau) for event in _limited(swept) if (plateau := event.finding.semi_integral_plateau)]
    chosen = [event for event, _ in pairs]
    if len(chosen) < 5:
        return {}
    thickness, thickness_std = column(chosen, "thickness")
    rates = np.array([event.rate for event in chosen])
    if len(settings(thickness)) < 2 or len(settings(rates)) < 2:
        return {}
    response = np.array([plateau.value for _, plateau in pairs])
    std = np.array([plateau.std for _, plateau in pairs])
    predictors = np.column_stack([rates, thickness])
    spread = np.column_stack([np.zeros_like(rates), np.nan_to_num(thickness_std)])
    try:
        law = fit_power_law(
            response, predictors, std, spread, pellets(chosen), "semi_integral", ("scan_rate", "thickness")
        )
    except InputError:  # rate and thickness varied together
        return {}
    return {Arguments.SEMI_INTEGRAL_PAIR: exponent_pair(law)}


def _overlays(swept: Sequence[Event]) -> Observed:
    peaks = [event for event in _limited(swept) if event.finding.conductivity is not None]
    if len(peaks) < 5:
        return {}
    current, thickness, sigma = (column(peaks, name)[0] for name in ("current_density", "thickness", "conductivity"))
    rates = np.array([event.rate for event in peaks])
    found: Observed = {}
    pairs = ((Similarity.BULK, Arguments.BULK_OVERLAY), (Similarity.INTERFACE, Arguments.INTERFACE_OVERLAY))
    for similarity, argument in pairs:
        try:
            overlay = overlay_scans(current, rates, thickness, sigma, similarity, pellets=pellets(peaks))
        except InputError:  # the design does not tell this similarity from the other
            continue
        found[argument] = measured(overlay.residual_exponent.difference)
    return found


def _ohmic_share(swept: Sequence[Event]) -> Observed:
    shares = [
        1.0 - event.finding.current.value * event.finding.ohmic.resistance.value / event.finding.potential.value
        for event in _limited(swept)
        if event.finding.ohmic is not None and math.isfinite(event.finding.ohmic.resistance.value)
    ]
    if len(shares) < 3:
        return {}
    # the spread between settings is the uncertainty: the share is no constant of nature
    spread = float(np.std(shares, ddof=1))
    return {Arguments.OHMIC_SHARE: measured(Estimate(float(np.mean(shares)), max(spread, 0.01)))}


def _runs(events: Sequence[Event], swept: Sequence[Event], transport: Sequence[TransportFinding]) -> Observed:
    found: Observed = {}
    peaks = [event.finding.current_density.value for event in _limited(swept) if event.finding.current_density]
    runs = [event for event in events if event.finding.kind is Kind.CONSTANT_CURRENT and event.complete]
    if peaks and runs:
        usual = float(np.median(peaks))
        # where the voltage ran away first, whether lithium would have penetrated was not seen
        ended = ran_away(runs)
        above = [
            event
            for event in runs
            if event.finding.current_density.value > usual and id(event) not in ended  # type: ignore[union-attr]
        ]
        if above:
            found[Arguments.FAILURE_ABOVE_PEAK] = Counted(sum(event.penetrated for event in above), len(above))
    sand = next((item.estimate for item in transport if item.method == SAND_EXPONENT), None)
    if sand is not None and math.isfinite(sand.std):
        found[Arguments.SAND_EXPONENT] = measured(sand)
    plateaus = [
        event.finding.semi_integral_plateau
        for event in _limited(swept)
        if event.finding.semi_integral_plateau is not None
    ]
    ratio = prefactor(runs, plateaus)
    if ratio is not None:
        found[Arguments.SAND_PREFACTOR] = measured(ratio)
    return found


def _precursors(events: Sequence[Event]) -> Observed:
    penetrated = [event for event in events if event.penetrated]
    if not penetrated:
        return {}
    warned = [
        event
        for event in penetrated
        if event.finding.excursions or any(flag.code == "event_before_penetration" for flag in event.finding.flags)
    ]
    return {Arguments.PRECURSORS: Counted(len(warned), len(penetrated))}
