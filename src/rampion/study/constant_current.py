"""Constant-current runs of a campaign: when they failed, by rise or by drop of the voltage, and what that says."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rampion.errors import InputError
from rampion.estimate import Estimate
from rampion.study.events import Event, column
from rampion.transport.finding import Assumption, TransportFinding, finding
from rampion.transport.sand import SandAnalysis, analyse_sand
from rampion.voltammetry.finding import Kind, Verdict

SAND_EXPONENT = "Sand: τ against J"
FEWEST = 4


def ran_away(runs: Sequence[Event]) -> dict[int, Estimate]:
    """Transition time [s] of each run whose voltage ran away, by ``id`` of the event."""
    return {
        id(event): event.finding.time
        for event in runs
        if event.finding.kind is Kind.CONSTANT_CURRENT and event.finding.verdict is Verdict.VOLTAGE_RUNAWAY
    }


def failure_times(runs: Sequence[Event]) -> tuple[list[Event], list[Estimate], bool]:
    """Runs with the time at which they failed, and whether they failed by a rise of the voltage.

    The runs whose voltage ran away (depletion, or a contact lost) are taken where there are four or more; else those
    that lithium penetrated after a course of their own: the transition itself was then not seen.
    """
    times = ran_away(runs)
    risen = [event for event in runs if id(event) in times]
    if len(risen) >= FEWEST:
        return risen, [times[id(event)] for event in risen], True
    failed = [
        event
        for event in runs
        if event.finding.kind is Kind.CONSTANT_CURRENT and event.penetrated and event.finding.time.low > 0
    ]
    return failed, [event.finding.time for event in failed], False


def sand_analysis(runs: Sequence[Event]) -> tuple[SandAnalysis, bool] | None:
    """Sand analysis of the runs, and whether it rests on voltages that ran away; None below four of them."""
    failed, times, risen = failure_times(runs)
    if len(failed) < FEWEST:
        return None
    current, _ = column(failed, "current_density")
    thickness, _ = column(failed, "thickness")
    try:
        return analyse_sand(np.abs(current), np.array([time.value for time in times]), thickness), risen
    except InputError:  # currents that do not differ
        return None


def sand_findings(runs: Sequence[Event]) -> tuple[TransportFinding, ...]:
    """Exponent, depletion product and, where the runs reach down to the limit, J_lim and D of the finite cell."""
    found = sand_analysis(runs)
    if found is None:
        return ()
    sand, risen = found
    by = Assumption(sentence="each run ended by a rise of its voltage (depletion), not by a short", holds=risen)
    exponent = sand.law.exponents[0]
    square = Assumption(
        sentence="the times fall as J⁻² (semi-infinite depletion of electrolyte or metal)",
        holds=bool(exponent.low <= -2 <= exponent.high),
        number=exponent.value,
    )
    rows = [finding("exponent", SAND_EXPONENT, exponent, (by,))]
    if sand.limit is None or sand.diffusivity is None:
        rows.append(finding("depletion_product", "Sand: 2J√(τ/π), semi-infinite", sand.depletion, (by, square)))
        return tuple(rows)
    thickness = float(np.mean(column(failure_times(runs)[0], "thickness")[0]))
    finite = Assumption(
        sentence="depletion of a finite cell by diffusion describes the times (scatter below 10 %)",
        holds=bool(sand.scatter < 0.1),
        number=sand.scatter,
    )
    both = (by, finite)
    limit = sand.limit.scaled(1 / thickness)
    rows.append(finding("depletion_product", "Sand: finite cell", sand.depletion, both))
    rows.append(finding("limiting_current_density", f"Sand: finite cell at {1e3 * thickness:.2g} mm", limit, both))
    rows.append(finding("diffusivity", "Sand: finite cell", sand.diffusivity, both))
    return tuple(rows)


def prefactor(runs: Sequence[Event], plateaus: Sequence[Estimate]) -> Estimate | None:
    """ln of 2J√(τ/π) over the sweeps' mean semi-integral plateau; None without either."""
    found = sand_analysis(runs)
    known = np.array([plateau.value for plateau in plateaus if plateau.value > 0])
    if found is None or known.size < 3 or not found[1]:
        return None
    sand = found[0]
    spread = float(np.std(np.log(known), ddof=1)) / math.sqrt(known.size)
    return Estimate(math.log(sand.depletion.value / float(np.mean(known))), math.hypot(spread, sand.depletion.relative))
