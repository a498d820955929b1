"""study: a campaign of samples to replicates, laws, transport numbers and the evidence for each mechanism."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rampion.estimate import Estimate, Flag, merge_flags
from rampion.measurement import Campaign
from rampion.study.analysis import Analysis, analyse
from rampion.study.events import Event, events_of, sweeps
from rampion.study.evidence import gather_evidence
from rampion.study.laws import (
    Replicate,
    ScalingLaw,
    Survival,
    replicate_groups,
    scaling_laws,
    survival_groups,
)
from rampion.study.lost import attempt
from rampion.study.pauses import PauseEffect, pause_effects
from rampion.study.recovery import Impedance, gather_impedance
from rampion.study.remember import analyse_folder
from rampion.study.transport import transport_numbers
from rampion.voltammetry.finding import Kind

if TYPE_CHECKING:
    from rampion.mechanisms.evidence import EvidenceTable
    from rampion.transport.finding import TransportFinding


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Study:
    """What a campaign showed: its samples, and what they say together."""

    analysis: Analysis
    events: tuple[Event, ...]
    replicates: tuple[Replicate, ...]
    survival: tuple[Survival, ...]
    laws: tuple[ScalingLaw, ...]
    transport: tuple[TransportFinding, ...]
    impedance: Impedance
    pauses: tuple[PauseEffect, ...]
    evidence: EvidenceTable | None
    flags: tuple[Flag, ...] = ()


def study(subject: Analysis | Campaign | str | Path, tracer_diffusivity: Estimate | None = None) -> Study:
    """Read, analyse and weigh a whole campaign.

    A folder is analysed as by :func:`~rampion.study.remember.analyse_folder`: on all cores, samples analysed before
    remembered. ``tracer_diffusivity`` is a literature D₊ [m²/s] for the methods that need one; without it they are
    left out.
    """
    if isinstance(subject, str | Path):
        subject = analyse_folder(subject)
    analysis = subject if isinstance(subject, Analysis) else analyse(subject)
    failed: list[Flag] = []
    get = partial(attempt, failed)
    events = get("events", (), lambda: events_of(analysis))
    swept = sweeps(events)
    runs = tuple(event for event in events if event.finding.kind is Kind.CONSTANT_CURRENT and event.complete)
    laws = get("scaling laws", (), lambda: scaling_laws(swept))
    alike = [event for event in swept if event.transports]
    drawn = laws if len(alike) == len(swept) else get("laws of transport", (), lambda: scaling_laws(alike))
    steady = [run for run in runs if run.transports]
    transport = get("transport numbers", (), lambda: transport_numbers(alike, steady, drawn, tracer_diffusivity))
    symmetric = [sample for sample in analysis.samples if sample.symmetric]
    impedance = get("recoveries at rest", Impedance(), lambda: gather_impedance(symmetric))
    return Study(
        analysis=analysis,
        events=events,
        replicates=get("replicates", (), lambda: replicate_groups(swept)),
        survival=get("survival curves", (), lambda: survival_groups(swept)),
        laws=laws,
        transport=transport,
        impedance=impedance,
        pauses=get("effects of the pauses", (), lambda: pause_effects(events, transport)),
        evidence=get("weights of mechanisms", None, lambda: gather_evidence(events, swept, laws, transport, impedance)),
        flags=merge_flags(analysis.flags, failed),
    )
