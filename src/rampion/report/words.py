"""Results as text for the terminal: one block per sample, the verdict first."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rampion.estimate import Flag, Severity, merge_flags
from rampion.records import to_plain
from rampion.report.conditions import series_lines, shared_flags, shown_conditions
from rampion.report.document import aftermath_words, limited_words, odds_words
from rampion.units import show
from rampion.voltammetry.finding import VERDICT_WORDS

if TYPE_CHECKING:
    from rampion.impedance.finding import SpectrumFinding
    from rampion.impedance.series_finding import SeriesFinding
    from rampion.study import Analysis, SampleAnalysis
    from rampion.study.spectra import OhmicComparison
    from rampion.voltammetry.finding import Finding

_AT = {
    "limiting_peak": "at the maximum",
    "penetration": "at the onset",
    "soft_short": "at the first excursion",
    "current_loss": "before the current was lost",
    "limiting_plateau": "at the end of the sweep",
    "voltage_runaway": "constant",
    "instrument_limit": "where the instrument's limit was met",
    "no_event": "largest reached, without an event",
}
_MARKS = {Severity.NOTE: "·", Severity.WARNING: "!", Severity.INVALID: "✕"}


def flag_lines(flags: Iterable[Flag], indent: str = "    ") -> list[str]:
    """The flags as lines, the gravest first."""
    order = [Severity.INVALID, Severity.WARNING, Severity.NOTE]
    return [f"{indent}{_MARKS[f.severity]} {f.message}" for f in sorted(flags, key=lambda f: order.index(f.severity))]


def finding_lines(finding: Finding) -> list[str]:
    """One sweep's finding: verdict, current density, potential, charge, conductivity."""
    if not finding.verdict.judged:
        return [f"  {VERDICT_WORDS[finding.verdict].upper()}   (no event was looked for)"]
    where = _AT[finding.verdict]
    sure = f"confidence {finding.confidence:.2f}" if math.isfinite(finding.confidence) else "chosen by a person"
    lines = [f"  {VERDICT_WORDS[finding.verdict].upper()}   ({sure})"]
    if finding.odds is not None:
        lines.append(f"    evidence          {odds_words(to_plain(finding.odds))}")
    if finding.mechanism:
        lines.append(f"    limited by        {limited_words(*to_plain((finding.mechanism, finding.course)))}")
    if finding.aftermath is not None:
        after = finding.aftermath
        words = aftermath_words(after.before, after.remaining, after.by, after.confirmed)
        lines.append(f"    afterwards        {words}")
    if finding.current_density is not None:
        lines.append(f"    current density   {show(finding.current_density, 'current_density')}   {where}")
    else:
        lines.append(f"    current           {show(finding.current, 'current')}   {where}")
    lines.append(f"    cell voltage      {show(finding.potential, 'potential')}")
    if finding.charge is not None:
        lines.append(f"    charge until then {show(finding.charge, 'charge')}")
    if finding.conductivity is not None:
        lines.append(f"    conductivity      {show(finding.conductivity, 'conductivity')}   from the ohmic line")
    elif finding.ohmic is not None:
        lines.append(f"    resistance        {show(finding.ohmic.resistance, 'resistance')}   from the ohmic line")
    if finding.scan_rate is not None:
        lines.append(f"    scan rate         {show(finding.scan_rate, 'scan_rate')}")
    if finding.reference is not None:
        found = finding.reference
        share = found.working_share
        before = f"{100 * share.value:.1f} ± {100 * share.std:.1f} % of the resistance before it"
        if found.interface_share is not None:
            low, high = found.interface_share.interval
            before += f", {100 * low:.0f} to {100 * high:.0f} % in the working interface"
        lines.append(f"    reference         {before}; polarises: {found.polarising}")
    return lines


def spectrum_lines(finding: SpectrumFinding, number: int | None = None) -> list[str]:
    """One spectrum's finding: circuit, processes, validity; of several its ``number`` and bias."""
    told = {True: "passed", False: "FAILED", None: "not told"}[finding.kramers_kronig.valid]
    which = "" if number is None else f" {number}"
    if number is not None and math.isfinite(finding.potential):
        which += f" at {show(finding.potential, 'potential')}"
    left_out = f"   {finding.left_out} points left out" if finding.left_out else ""
    lines = [f"  SPECTRUM{which}   {finding.circuit}   Kramers–Kronig {told}{left_out}"]
    from rampion.impedance.finding import in_window

    for process in finding.processes:
        if not in_window(process, finding.frequency):  # the first rise of a slower process gives no resistance
            continue
        at = f"   at {show(process.frequency, 'frequency')}" if process.frequency.value > 0 else ""
        lines.append(f"    {process.name:<26}{show(process.resistance, 'resistance')}{at}")
    if finding.conductivity is not None:
        lines.append(f"    {'conductivity':<26}{show(finding.conductivity, 'conductivity')}")
    if finding.relaxation_times is not None:
        told = show(finding.relaxation_times.polarisation, "resistance")
        lines.append(f"    {'polarisation':<26}{told}   from the distribution of relaxation times")
        lines += flag_lines(finding.relaxation_times.polarisation.flags, "      ")
    if finding.drift is not None and finding.drift.total_resistance is not None:
        told = show(finding.drift.total_resistance, "resistance")
        lines.append(f"    {'all, as measured':<26}{told}   without the correction of its drift")
    return lines


def ceramic_line(series: SeriesFinding) -> list[str]:
    """What the electrolyte's resistance does along a series; nothing where that was not asked."""
    growth = series.ceramic_growth
    if growth is None or not math.isfinite(growth.value):
        return []
    low, high = growth.interval
    return [
        f"  electrolyte along the series: largest over first resistance {growth.value:.3f} [{low:.3f}, {high:.3f}]; "
        f"grows with probability {series.ceramic_grows:.2g}, as a depleting binary electrolyte {series.depletion:.2g}"
    ]


def comparison_line(found: OhmicComparison) -> str:
    """The spectrum's resistance beside that of the sweep's ohmic line, and the test of their equality."""
    ratio = found.comparison.ratio
    return (
        f"resistance from spectrum {found.block} and from the sweep: {show(found.spectrum, 'resistance')} and "
        f"{show(found.sweep, 'resistance')}, ratio {ratio.value:.3f} [{ratio.low:.3f}, {ratio.high:.3f}], "
        f"p = {found.comparison.p_value:.2g}"
    )


def sample_text(sample: SampleAnalysis, longest: int = 3, condition: str = "", told: Iterable[Flag] = ()) -> str:
    """One sample: every sweep, the first spectra, and what to know about them beside what is ``told`` elsewhere."""
    head = sample.experiment.known_as + (f"   {condition}" if condition else "")
    lines = [head + ("   [synthetic data]" if sample.experiment.synthetic else "")]
    known = set(told)
    for finding in sample.findings:
        lines += finding_lines(finding) + flag_lines(finding.flags)
    for number, spectrum in enumerate(sample.spectra[:longest], 1):
        own = spectrum.flags if sample.series is None else ()  # those of a series stand together below
        lines += spectrum_lines(spectrum, number if len(sample.spectra) > 1 else None)
        lines += flag_lines(flag for flag in own if flag not in known)
    if sample.impedance.ohmic is not None:
        lines.append(f"  {comparison_line(sample.impedance.ohmic)}")
    if sample.series is not None:
        lines += ceramic_line(sample.series)
    if len(sample.spectra) > longest:
        lines.append(f"  ... and {len(sample.spectra) - longest} more spectra: see --json or -o DIR")
    for each in sample.overridden:
        made = each.override
        who = f" by {made.by}" if made.by else ""
        lines.append(f"  overridden{who}, {each.part}: {each.decision} ({made.reason}); before: {each.before}")
    if not sample.findings and not sample.spectra:
        lines.append("  nothing to judge")
    return "\n".join(lines + flag_lines((flag for flag in sample.flags if flag not in known), "  "))


def analysis_text(analysis: Analysis) -> str:
    """Warnings about the whole, every sample, series along temperature or pressure, a count of verdicts, notes."""
    warned = [flag for flag in merge_flags(analysis.flags) if flag.severity is not Severity.NOTE]
    blocks = ["\n".join(flag_lines(warned, ""))] if warned else []
    blocks += _blocks(analysis) or ["Nothing was found that can be read."]
    findings = analysis.findings
    if len(analysis.samples) > 1 and findings:
        counts = {text: sum(f.verdict == name for f in findings) for name, text in VERDICT_WORDS.items()}
        told = ", ".join(f"{count} {text}" for text, count in counts.items() if count)
        blocks.append(f"{len(findings)} sweeps and runs: {told}")
    blocks += flag_lines((flag for flag in merge_flags(analysis.flags) if flag not in warned), "")
    return "\n\n".join(blocks)


def _blocks(analysis: Analysis) -> list[str]:
    """Each sample, the spectra of a series in its order and before it; flags that all of these have stand in it."""
    samples, conditions = analysis.samples, shown_conditions(analysis.samples)
    shared = [shared_flags(series, samples) for series in analysis.series]
    texts = {
        place: sample_text(samples[place], condition=conditions[place], told=told)
        for series, told in zip(analysis.series, shared, strict=True)
        for place in series.places
    }
    blocks = [
        sample_text(sample, condition=conditions[place]) for place, sample in enumerate(samples) if place not in texts
    ]
    for series, told in zip(analysis.series, shared, strict=True):
        blocks += [texts[place] for place in series.places]
        single = {flag for finding in series.series.spectra for flag in finding.flags}
        own = [flag for flag in series.flags if flag not in single]
        blocks.append("\n".join(series_lines(series) + flag_lines(merge_flags(own, told))))
    return blocks
