"""What stands in the report of a study, section by section."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rampion.measurement import thinned
from rampion.quantities import quantity
from rampion.records import provenance, to_json
from rampion.report.page import bare, embedded, interval, marked, number, render, table, verdict_cell
from rampion.report.results import files_of
from rampion.report.study import study_results
from rampion.voltammetry.finding import VERDICT_WORDS

if TYPE_CHECKING:
    from rampion.study import Study

Section = dict[str, Any]
MOST_FIGURES = 24


def write_report(
    study: Study, folder: str | Path, options: Mapping[str, Any], extra: list[Section] | None = None
) -> list[Path]:
    """Write ``report.html`` and ``results.json``; both hold the same numbers."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    plain = study_results(study)
    history = provenance(options, files_of(study.analysis))
    results = folder / "results.json"
    results.write_text(to_json(plain | {"provenance": history}) + "\n", encoding="utf-8")
    sections = [_samples(study), _together(study), _laws(study, plain), _transport(plain), _recovery(study)]
    sections += [_pauses(study), _evidence(plain), *(extra or []), _figures(study), _methods()]
    page = folder / "report.html"
    content = {
        "title": f"rampion study: {study.analysis.name or 'samples'}",
        "synthetic": plain["synthetic"],
        "summary": summary(study, plain),
        "sections": [section for section in sections if section["tables"] or section["figures"] or section["text"]],
        "provenance": history,
    }
    page.write_text(render(content), encoding="utf-8")
    return [page, results]


def _section(name: str, title: str, **parts: Any) -> Section:
    return {"id": name, "title": title, "text": [], "tables": [], "figures": [], "flags": []} | parts


def summary(study: Study, plain: Mapping[str, Any]) -> list[str]:
    """What a supervisor reads in a minute."""
    counts = Counter(str(event.finding.verdict) for event in study.events)
    told = ", ".join(f"{counts[name]} {words}" for name, words in VERDICT_WORDS.items() if counts[name])
    lines = [f"{len(study.analysis.samples)} samples, {len(study.events)} sweeps and runs: {told}."]
    sigma = next((item for item in study.transport if item.quantity == "conductivity"), None)
    if sigma is not None:
        lines.append(f"Total conductivity from the ohmic lines: {number(sigma.estimate, 'conductivity')}.")
    exponents = [e for e in plain["scaling"] if e.get("jointly_with") and e["quantity"] == "current_density"]
    if len(exponents) == 2:
        a, b = (interval(entry["exponent"]) for entry in exponents)
        lines.append(f"The largest currents follow J ∝ vᵃLᵇ with a = {a} and b = {b}.")
    if plain["conclusion"]:
        lines.append(plain["conclusion"]["sentence"])
    return lines


def _samples(study: Study) -> Section:
    rows = []
    for event in study.events:
        finding, sample = event.finding, event.sample
        rate = f"{quantity('scan_rate').shown(event.rate):.3g}" if np.isfinite(event.rate) else "–"
        rows.append([
            sample.name, sample.pellet or "–", bare(sample.thickness, "thickness"), rate,
            verdict_cell(finding.verdict), bare(finding.current_density, "current_density"),
            bare(finding.potential, "potential"), bare(finding.charge, "charge"),
            bare(finding.conductivity, "conductivity"), f"{finding.confidence:.2f}",
        ])  # fmt: skip
    header = ["sample", "pellet", "L (mm)", "rate (mV/s)", "verdict"]
    header += [quantity(name).label for name in ("current_density", "potential", "charge", "conductivity")]
    header += ["confidence"]
    note = "J, V and Q at the maximum of a limiting peak, at the onset of a penetration, else the largest reached."
    return _section("samples", "Samples", tables=[table(header, rows, note=note)])


def _figures(study: Study) -> Section:
    from rampion.figures.voltammogram import MOST_POINTS, draw_finding

    figures = []
    for event in study.events[:MOST_FIGURES]:
        finding, name = event.finding, event.sample.name
        curve = finding.voltammogram
        kept = thinned(curve.current, MOST_POINTS)
        data = {
            "Test Time / s": curve.time[kept].tolist(),
            "Voltage / V": curve.potential[kept].tolist(),
            "Current / A": curve.current[kept].tolist(),
        }
        figure = draw_finding(finding, title=name, synthetic=finding.synthetic)
        figures.append(embedded(figure, f"{name}: {VERDICT_WORDS[finding.verdict]}.", data, name))
    text = []
    if len(study.events) > MOST_FIGURES:
        text = [f"The first {MOST_FIGURES} of {len(study.events)}; the tables above hold all."]
    return _section("curves", "Voltammograms and runs", figures=figures, text=text)


def _together(study: Study) -> Section:
    from rampion.figures.laws import draw_survival

    rows = []
    for group in study.replicates:
        mean, deviation = group.summary.plain_mean, group.summary.standard_deviation
        shown = quantity("current_density")
        rows.append([
            f"{100 * group.relative_density:.3g} %" if np.isfinite(group.relative_density) else "–",
            f"{1e3 * group.thickness:.2g} mm", f"{1e3 * group.scan_rate:.2g} mV/s", group.summary.count,
            f"{shown.shown(mean):.3f} ± {shown.shown(deviation):.3f} mA/cm²",
            f"{group.penetrated.penetrated} of {group.penetrated.count}",
            f"[{100 * group.penetrated.fraction.low:.0f}, {100 * group.penetrated.fraction.high:.0f}] %",
        ])  # fmt: skip
    header = ["relative density", "thickness", "rate", "n", "J (mean ± SD)", "penetrated", "95 % interval"]
    tables = [table(header, rows, "Replicates")] if rows else []
    figures = []
    if study.survival:
        synthetic = any(event.finding.synthetic for event in study.events)
        curves = [(group.group, group.curve) for group in study.survival]
        caption = "Kaplan–Meier: share of samples not penetrated; those without penetration count as censored."
        figures.append(embedded(draw_survival(curves, synthetic), caption))
        fits = [
            [group.group, group.curve.events, group.curve.count, interval_of(group.weibull)] for group in study.survival
        ]
        tables.append(table(["group", "penetrated", "samples", "Weibull scale"], fits, "Survival"))
    return _section("together", "Samples together", tables=tables, figures=figures)


def interval_of(weibull: Any) -> str:
    """Scale of a Weibull fit with its interval, or a dash."""
    if weibull is None:
        return "–"
    return number(weibull.scale, "current_density")


def _laws(study: Study, plain: Mapping[str, Any]) -> Section:
    rows, lines = [], []
    for entry in plain["scaling"]:
        if entry["exponent"] is not None:
            rows.append([
                entry["quantity"].replace("_", " "), entry["against"].replace("_", " "), entry["setting"],
                interval(entry["exponent"]), f"{entry['r_squared']:.3f}", entry["count"],
            ])  # fmt: skip
        else:
            lines.append([
                entry["against"].replace("_", " "), entry["setting"], interval(entry["forced_slope"], digits=4),
                f"{entry['forced_r_squared']:.3f}", f"{entry['intercept']['p_value']:.2g}", entry["count"],
            ])  # fmt: skip
    tables = [table(["quantity", "against", "at", "exponent", "R²", "n"], rows, "Exponents")] if rows else []
    if lines:
        note = "Slope in SI. A straight √v plot does not tell transport from contact loss; R² is a footnote."
        header = ["against", "at", "slope through zero", "R² forced", "p of the intercept", "n"]
        tables.append(table(header, lines, "Lines as they are usually forced", note))
    return _section("laws", "Scaling laws", tables=tables, figures=_law_figures(study))


def _law_figures(study: Study) -> list[dict[str, Any]]:
    from rampion.figures.laws import draw_exponents, draw_line, draw_power_law

    synthetic = any(event.finding.synthetic for event in study.events)
    axes = {"√scan_rate": ("√v (mV½/s½)", 1e3**0.5), "σ/L": ("σ/L (mS/cm²)", 0.1)}
    figures = []
    for law in study.laws:
        if law.quantity != "current_density" or not law.abscissa.size:
            continue
        points, against = (law.abscissa, law.ordinate, law.ordinate_std), law.against[0]
        if law.law is not None:
            figure = draw_power_law(*points, law.law, against, law.setting, synthetic)
            caption = f"Largest current against {against.replace('_', ' ')}, {law.setting}."
        elif law.line is not None:
            label, factor = axes[against]
            figure = draw_line(*points, law.line, label, factor, law.setting, synthetic)
            caption = f"Largest current against {label.split(' ')[0]}, {law.setting}."
        else:
            continue
        data = {"abscissa / SI": law.abscissa.tolist(), "Current Density / A m-2": law.ordinate.tolist()}
        figures.append(embedded(figure, caption, data, "law"))
    joint = next((law.law for law in study.laws if len(law.against) == 2 and law.quantity == "current_density"), None)
    if joint is not None:
        a, b = joint.exponents
        figure = draw_exponents((a.value, a.low, a.high), (b.value, b.low, b.high), synthetic=synthetic)
        caption = "Exponents of J ∝ vᵃLᵇ against the exact lines of bulk transport and of an interface."
        figures.append(embedded(figure, caption))
    return figures


def _transport(plain: Mapping[str, Any]) -> Section:
    rows = []
    for entry in plain["transport"]:
        failing = [item["sentence"] for item in entry["assumptions"] if item["holds"] is False]
        untold = [item["sentence"] for item in entry["assumptions"] if item["holds"] is None]
        state = "; ".join(["fails: " + text for text in failing] + ["not checked: " + text for text in untold])
        rows.append([entry["quantity"].replace("_", " "), entry["method"], interval(entry, entry["quantity"]), state])
    tables = [table(["quantity", "method", "value [95 %]", "assumptions"], rows)] if rows else []
    flags = {flag["code"]: flag for entry in plain["transport"] for flag in entry["flags"]}
    shown = [flag for code, flag in flags.items() if code not in ("assumption_fails", "no_assumption_check")]
    return _section("transport", "Transport numbers", tables=tables, flags=shown)


def _recovery(study: Study) -> Section:
    from rampion.impedance.recovery import tabulate_recoveries

    rows = [
        [row.condition, row.process, number(row.before, "resistance"), number(row.stop, "resistance"),
         number(row.relaxed, "resistance"), f"{row.fraction.value:.2f}", row.kinetics, row.verdict]
        for row in tabulate_recoveries(study.impedance.recoveries)
    ]  # fmt: skip
    header = ["condition", "process", "before", "at the stop", "relaxed", "recovered", "kinetics", "verdict"]
    return _section("recovery", "Recovery at rest", tables=[table(header, rows)] if rows else [])


def _pauses(study: Study) -> Section:
    shown = quantity("current_density")
    rows = [
        [effect.sample, effect.pauses, f"{shown.shown(effect.paused):.3f}",
         f"{shown.shown(effect.uninterrupted):.3f}", f"{100 * (1 - effect.ratio):.1f} %"]
        for effect in study.pauses
    ]  # fmt: skip
    header = ["sample", "pauses", "peak with them (mA/cm²)", "without (mA/cm²)", "they cost"]
    note = "Simulated in the binary cell that fits all peaks; it says nothing if another mechanism rules."
    tables = [table(header, rows, note=note)] if rows else []
    return _section("pauses", "What the pauses did", tables=tables)


def _evidence(plain: Mapping[str, Any]) -> Section:
    if not plain["evidence"]:
        return _section("evidence", "Evidence")
    names = [standing["name"] for standing in plain["mechanisms"] if standing["name"] != "none_of_these"]
    short = {"supported": "+", "contradicted": "✕", "silent": "·"}
    rows = []
    for entry in plain["evidence"]:
        statistic = ", ".join(f"{value:.3g}" for value in entry["statistic"])
        cells = [marked(short[entry["predictions"][name]], entry["predictions"][name]) for name in names]
        rows.append([entry["question"], statistic, *cells])
    header = ["question", "found", *(name.replace("_", " ") for name in names)]
    note = "+ supported, ✕ contradicted, · silent. Tests of one family share their data and are weighed once."
    weights = [
        [item["title"], f"{item['weight']:.3f}", ", ".join(item["contradicted_by"]).replace("_", " ") or "–"]
        for item in plain["mechanisms"]
    ]
    standing = table(["mechanism", "weight among those considered", "contradicted by"], weights, "Standing")
    text = [plain["conclusion"]["sentence"]] if plain["conclusion"] else []
    return _section(
        "evidence", "Evidence for each mechanism", tables=[table(header, rows, note=note), standing], text=text
    )


def _methods() -> Section:
    methods = [
        ["ohmic line", "longest early window whose residuals are consistent with the noise", "–"],
        ["limiting peak", "local polynomial about an interior maximum above noise, followed by a sustained decay", "–"],
        ["penetration", "onset of the rise beyond the ohmic conductance", "–"],
        ["scaling", "power laws with errors in both axes, pellets as random shifts", "–"],
        ["survival", "Kaplan–Meier, Weibull with right censoring", "10.1080/01621459.1958.10501452"],
        ["transference", "Eq. 1 with a Haven ratio; dilute bound; collapse on (vL², J·L/σ)", "arXiv:2110.13399"],
        ["evidence", "weights ln p(x|M)/p₀; a test is faulty with a chance of 2 %", "10.1080/01621459.1995.10476572"],
    ]  # fmt: skip
    return _section("methods", "Methods", tables=[table(["what", "how", "source"], methods)])
