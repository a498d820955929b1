"""What stands in the report of a study: sentences, tables and flags from the study's plain results."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from rampion.estimate import Estimate
from rampion.quantities import quantity
from rampion.report.document import (
    Section,
    bare,
    confidence_cell,
    gathered,
    interval,
    linked,
    marked,
    number,
    power,
    section,
    table,
    verdict_cell,
)
from rampion.voltammetry.finding import VERDICT_WORDS

Plain = Mapping[str, Any]
_REACHED = {"current_density": "limit", "critical_current_density": "penetration"}
MOST_TOLD = 3  # samples of which the summary tells the activation energy
HANDLED = ("assumption_fails", "no_assumption_check")  # told in the assumptions' own column


def estimate(entry: Plain | None) -> Estimate | None:
    """A number of the results as an estimate again."""
    if entry is None or entry["value"] is None:
        return None
    low, high = entry["interval"]
    value, std, low, high = (math.nan if one is None else one for one in (entry["value"], entry["std"], low, high))
    return Estimate(value, std, low, high)


def events(plain: Plain) -> list[Plain]:
    """The findings that are no spectra: sweeps and runs."""
    return [finding for finding in plain["samples"] if finding["kind"] != "spectrum"]


def summary(plain: Plain) -> list[str]:
    """What a supervisor reads in a minute."""
    found = events(plain)
    counts = Counter(finding["verdict"] for finding in found)
    told = ", ".join(f"{counts[name]} {words}" for name, words in VERDICT_WORDS.items() if counts[name])
    swept = f"{len(found)} sweeps and runs: {told}" if found else "no sweeps or runs"
    lines = [f"{len(plain['metadata'])} samples, {swept}."]
    for verdict, sentence in (
        ("limiting_peak", "The current reached a limit"),
        ("limiting_plateau", "The current levelled off"),
        ("voltage_runaway", "The voltage ran away"),
        ("current_loss", "The current was lost"),
        ("penetration", "Lithium penetrated"),
    ):
        span = _span(finding for finding in found if finding["verdict"] == verdict)
        if span:
            lines.append(f"{sentence} {span}.")
    sigma = next((item for item in plain["transport"] if item["quantity"] == "conductivity"), None)
    if sigma is not None:
        lines.append(f"Total conductivity from the ohmic lines: {number(estimate(sigma), 'conductivity')}.")
    lines += _activated(plain)
    exponents = [e for e in plain["scaling"] if e["jointly_with"] and e["quantity"] == "current_density"]
    if len(exponents) == 2:
        a, b = (interval(entry["exponent"]) for entry in exponents)
        lines.append(f"The largest currents follow J ∝ vᵃLᵇ with a = {a} and b = {b}.")
    if plain["conclusion"]:
        lines.append(plain["conclusion"]["sentence"])
    if plain["overrides"]:
        count = len(plain["overrides"])
        lines.append(f"{count} finding{'s were' if count > 1 else ' was'} decided by a person instead.")
    return lines


def _activated(plain: Plain) -> list[str]:
    """The activation energy of the conductivity of each sample that was measured at several temperatures."""
    return [
        f"Conductivity of {each['sample']}: activation energy {interval(one['energy'], 'activation_energy', 4)}, "
        f"{number(estimate(one['room_value']), 'conductivity')} at 25 °C."
        for each in plain["series"]
        for one in each["activation"]
        if one["quantity"] == "conductivity"
    ][:MOST_TOLD]


def _span(found: Iterable[Plain]) -> str:
    """From which to which current density, and at which scan rates."""
    kept = [finding for finding in found if finding.get("current_density")]
    if not kept:
        return ""
    known = quantity("current_density")
    values = sorted(known.shown(finding["current_density"]["value"]) for finding in kept)
    rates = sorted(
        quantity("scan_rate").shown(finding["scan_rate"]) for finding in kept if finding.get("scan_rate") is not None
    )
    between = _between(values, known.shown_unit)
    return f"at {between}" + (f" (scan rates {_between(rates, 'mV/s')})" if rates else "")


def _between(values: list[float], unit: str) -> str:
    low, high = f"{values[0]:.3g}", f"{values[-1]:.3g}"
    return f"{low} {unit}" if low == high else f"{low} to {high} {unit}"


def gathered_whole(plain: Plain) -> list[Plain]:
    """What concerns the campaign as a whole, such as samples that are missing from it; the gravest first."""
    order = ("invalid", "warning", "note")
    return sorted(plain["flags"], key=lambda flag: order.index(flag["severity"]))


def samples_section(plain: Plain, pages: Mapping[str, str]) -> Section:
    """One row per sweep or run; ``pages`` holds each sample's page."""
    known = {entry["name"]: entry["metadata"] for entry in plain["metadata"]}
    rows = []
    for finding in events(plain):
        name = finding["sample"]
        sample = known.get(name, {})
        rate = finding.get("scan_rate")
        warned = [flag for flag in finding["flags"] if flag["severity"] != "note"]
        rows.append([
            linked(name, pages[name]) if name in pages else name,
            sample.get("pellet") or "–", bare(estimate(sample.get("relative_density")), "relative_density"),
            bare(estimate(sample.get("thickness")), "thickness"),
            f"{quantity('scan_rate').shown(rate):.3g}" if rate is not None else "–",
            verdict_cell(finding),
            *(bare(estimate(finding.get(key)), key) for key in ("current_density", "potential", "charge")),
            bare(estimate(finding.get("conductivity")), "conductivity"), confidence_cell(finding),
            f"⚠ {len(warned)}" if warned else "",
        ])  # fmt: skip
    header = ["sample", "pellet", "density (%)", "L (mm)", "v (mV/s)", "verdict"]
    header += [quantity(name).label for name in ("current_density", "potential", "charge", "conductivity")]
    header += ["conf.", ""]
    note = (
        "J, V and Q at the maximum of a limiting peak, at the onset of a penetration, else the largest reached; "
        "± is one standard uncertainty. The confidence (conf.) is at the base rates that stand beside the Bayes factor "
        "on each sample's page; it knows nothing of causes outside the verdicts compared."
    )
    flags = gathered(
        (entry["sample"], flag) for entry in plain["samples"] for flag in entry["flags"] if flag["severity"] != "note"
    )
    tables = [table(header, rows, note=note)] if rows else []  # there may be spectra alone
    three = [[one["sample"], *reference_cells(one["reference"])] for one in events(plain) if one.get("reference")]
    if three:
        note = "Shares are of the whole cell's. A span is all that is possible without the electrolyte's spectrum."
        tables.append(table(["sample", *REFERENCE], three, "Cells with a reference electrode", note))
    return section("samples", "Sample by sample", tables=tables, flags=flags)


REFERENCE = (
    "reference depth", "of the resistance before the reference", "in the working interface", "polarises",
    "of the polarisation before the reference", "working electrode against reference",
)  # fmt: skip


def reference_cells(entry: Plain) -> list[str]:
    """What a reference electrode added to a finding, under :data:`REFERENCE`."""
    interface, depth = entry["interface_share"], entry["depth"]
    within = "–" if interface is None else _share(interface)
    if interface is not None and interface["std"] is None:
        low, high = (100 * end for end in interface["interval"])
        within = f"{low:.0f} to {high:.0f} %"
    return [
        "not stated" if depth is None else f"{_share(depth)} of the thickness", _share(entry["working_share"]), within,
        entry["polarising"], "–" if entry["polarisation_share"] is None else _share(entry["polarisation_share"]),
        number(estimate(entry["potential"]), "potential"),
    ]  # fmt: skip


def together_section(plain: Plain) -> Section:
    """Replicates and survival."""
    tables = []
    rows, outlying = [], []
    for group in plain["replicates"]:
        seen, share = group["summary"], group["penetrated"]
        density = group["relative_density"]
        shown = quantity("current_density")
        deviation = seen["standard_deviation"]
        mean = f"{shown.shown(seen['plain_mean']):.3f}"
        low, high = share["fraction"]["interval"]
        setting = f"{1e3 * group['thickness']:.2g} mm, {1e3 * group['scan_rate']:.2g} mV/s"
        rows.append([
            f"{100 * density:.3g}" if density is not None else "–", f"{1e3 * group['thickness']:.2g}",
            f"{1e3 * group['scan_rate']:.2g}", _REACHED[group["quantity"]], seen["count"],
            f"{mean} ± {shown.shown(deviation):.3f}" if deviation is not None else mean,
            *(f"{shown.shown(seen[key]):.3f}" if seen[key] is not None else "–" for key in ("within", "between")),
            f"{share['penetrated']} of {share['count']}", f"{100 * low:.0f} to {100 * high:.0f} %",
        ])  # fmt: skip
        outlying += [(setting, flag) for flag in seen["flags"] if flag["code"] == "outlier"]
    if rows:
        header = ["density (%)", "L (mm)", "v (mV/s)", "J of", "n", "J, mean ± SD (mA/cm²)", "SD within pellets"]
        header += ["between pellets", "penetrated", "95 % interval"]
        note = (
            "Mean over the samples that reached a limit, or of the onsets of those that penetrated ('J of'); where "
            "there is neither, over the largest current densities borne, which are then bounds. SD is over samples. "
            "Nothing is dropped."
        )
        tables.append(table(header, rows, "Replicates", note))
    fits = []
    for group in plain["survival"]:
        curve, weibull = group["curve"], group["weibull"]
        scale, shape = (estimate(weibull[key]) if weibull else None for key in ("scale", "shape"))
        median = estimate(curve["median"])
        low, high = group["fraction"]["fraction"]["interval"]
        fits.append([
            group["group"], f"{curve['events']} of {curve['count']}", f"{100 * low:.0f} to {100 * high:.0f} %",
            number(median, "current_density"), number(scale, "current_density"), number(shape, "exponent"),
        ])  # fmt: skip
    if fits:
        header = ["group", "penetrated", "95 % interval", "median (Kaplan–Meier)", "Weibull scale", "Weibull shape"]
        tables.append(table(header, fits, "Survival", "Samples that did not penetrate count as censored."))
    return section("together", "Samples together", tables=tables, flags=gathered(outlying))


def laws_section(plain: Plain) -> Section:
    """Exponents, and the straight lines as papers force them."""
    rows, lines, doubts = [], [], []
    straight = {"√scan_rate": ("√v", "mA·s½/(cm²·mV½)", 0.1 / 1e3**0.5), "σ/L": ("σ/L", "V", 1.0)}
    for entry in plain["scaling"]:
        words = entry["quantity"].replace("_", " ")
        if entry["exponent"]["value"] is not None:
            against = entry["against"].replace("_", " ")
            rows.append([
                words, against, entry["setting"], interval(entry["exponent"]), f"{entry['r_squared']:.3f}",
                entry["count"],
            ])  # fmt: skip
            doubts += [(f"{words} against {against}, {entry['setting']}", flag) for flag in entry["flags"]]
        if entry["line"] is not None:
            line = entry["line"]
            symbol, unit, factor = straight[line["against"]]
            lines.append([
                f"J against {symbol}", entry["setting"],
                f"{interval(line['forced_slope'], digits=4, factor=factor)} {unit}",
                power(f"{line['forced_r_squared']:.3f}"), interval(entry["intercept"], "current_density"),
                power(f"{entry['intercept']['p_value']:.2g}"), entry["count"],
            ])  # fmt: skip
    tables = []
    if rows:
        note = "Exponents with their 95 % intervals, free; R² of the logarithms is a footnote, never a reason."
        header = ["of", "against", "at", "exponent [95 %]", "R²", "n"]
        tables.append(table(header, rows, "Exponents", note))
    if lines:
        note = (
            "The forced line describes the samples only if the intercept can be zero. A straight √v plot does not tell "
            "transport from loss of contact. The slope of J against σ/L is the voltage S; a steady limit of a dilute "
            "binary cell cannot exceed 102.8 mV at 25 °C."
        )
        header = ["plot", "at", "slope through zero [95 %]", "R² forced", "intercept, free", "p(intercept = 0)", "n"]
        tables.append(table(header, lines, "Lines as they are usually forced", note))
    return section("laws", "Scaling laws", tables=tables, flags=gathered(doubts))


def transport_section(plain: Plain) -> Section:
    """Every number by every method, with the state of its assumptions."""
    rows = []
    for entry in plain["transport"]:
        words = {False: "fails", None: "not checked", True: "holds"}
        state = "; ".join(f"{words[item['holds']]}: {item['sentence']}" for item in entry["assumptions"])
        failing = any(item["holds"] is False for item in entry["assumptions"])
        rows.append([
            entry["quantity"].replace("_", " "), entry["method"], interval(entry, entry["quantity"]),
            marked(state, "contradicted") if failing else state or "–",
        ])  # fmt: skip
    tables = [table(["quantity", "method", "value [95 %]", "assumptions"], rows)] if rows else []
    told = [(entry["method"], flag) for entry in plain["transport"] for flag in entry["flags"]]
    flags = gathered((name, flag) for name, flag in told if flag["code"] not in HANDLED)
    return section("transport", "Transport numbers", tables=tables, flags=flags)


def recovery_section(plain: Plain) -> Section:
    """What came back at rest, with against without pressure, and the resistances at the pauses of sweeps."""
    stops = {each["sample"]: number(Estimate(each["stop_potential"]), "potential") for each in plain["stops"]}
    rows = [
        [each["sample"], stops.get(each["sample"], "–"), each["condition"], each["process"],
         *(number(estimate(each[key]), "resistance") for key in ("before", "stop", "last")), _recovered(each),
         each["kinetics"][0]["kinetics"] if each["kinetics"] else "–", each["reversibility"]]
        for each in plain["recovery"]
    ]  # fmt: skip
    header = ["sample", "stopped at", "condition", "process", "before", "at the stop", "relaxed", "recovered",
              "kinetics", "verdict"]  # fmt: skip
    tables = [table(header, rows)] if rows else []
    compared = [
        [each["process"], f"{each['conditions'][1]} − {each['conditions'][0]}", _share(each["difference"]),
         _p_value(each["probability"]), _p_value(each["speed_probability"])]
        for each in plain["recovery_comparisons"]
    ]  # fmt: skip
    if compared:
        header = ["process", "conditions", "difference of the recovered share", "p", "p of unlike half times"]
        tables.append(table(header, compared, title="With and without stack pressure"))
    processes = list(dict.fromkeys(name for each in plain["rests"] for name in each["processes"]))
    resting = [
        [each["sample"], each["condition"],
         "before the sweep" if each["time"] < 0 else f"{each['time']:.0f}",
         *(bare(estimate(one), "resistance") for one in (
             each["total"], *(each["processes"].get(name) for name in processes)))]
        for each in plain["rests"]
    ]  # fmt: skip
    if resting:
        header = ["sample", "condition", "time since the stop (s)", "total (Ω)", *(f"{name} (Ω)" for name in processes)]
        tables.append(table(header, resting, title="Resistances during rest"))
    paused = [
        [each["sample"], number(Estimate(each["potential"]), "potential"),
         number(estimate(each["sweep_resistance"]), "resistance"),
         number(estimate(each["spectrum_resistance"]), "resistance"), f"{each['ratio']['value']:.3f}"]
        for each in plain["checkpoints"]
    ]  # fmt: skip
    if paused:
        note = "V/I holds the overpotential of concentration, which no spectrum of the usual window sees."
        header = ["sample", "cell voltage", "V/I of the sweep", "all processes of the spectrum", "spectrum / sweep"]
        tables.append(table(header, paused, title="Resistance at the pauses of sweeps", note=note))
    return section("recovery", "Recovery at rest", tables=tables)


def _p_value(value: float | None) -> str:
    return "–" if value is None else "< 1e-6" if value < 1e-6 else f"{value:.2g}"


def _recovered(each: Plain) -> str:
    unresolved = any(flag["code"] == "recovery_not_resolved" for flag in each["flags"])
    return "no rise" if unresolved else _share(each["fraction"])


def _share(fraction: Plain) -> str:
    value, std = fraction["value"], fraction["std"]
    if value is None:
        return "–"
    told = f"{100 * value:.1f} %" if std is None else f"{100 * value:.1f} ± {100 * std:.2g} %"
    return told.replace("-", "−")


def pauses_section(plain: Plain) -> Section:
    """What the pauses of paused sweeps did."""
    shown = quantity("current_density")
    rows = [
        [effect["sample"], effect["pauses"], f"{shown.shown(effect['paused']):.3f}",
         f"{shown.shown(effect['uninterrupted']):.3f}", f"{100 * (1 - effect['ratio']):.1f} %"]
        for effect in plain["pauses"]
    ]  # fmt: skip
    header = ["sample", "pauses", "peak with them (mA/cm²)", "without (mA/cm²)", "they cost"]
    note = "Simulated in the binary cell that fits all peaks; it says nothing if another mechanism rules."
    return section("pauses", "What the pauses did", tables=[table(header, rows, note=note)] if rows else [])


def evidence_section(plain: Plain) -> Section:
    """Tests against mechanisms, the standing of each, and the sentence that a careful author may write."""
    if not plain["evidence"]:
        return section("evidence", "Evidence")
    names = [standing["name"] for standing in plain["mechanisms"] if standing["name"] != "none_of_these"]
    short = {"supported": "+", "contradicted": "✕", "silent": "·"}
    rows = []
    for entry in plain["evidence"]:
        found = ", ".join(_with_std(value, std) for value, std in zip(entry["statistic"], entry["std"], strict=False))
        cells = [marked(short[entry["predictions"][name]], entry["predictions"][name]) for name in names]
        question = entry["question"] if entry["counted"] else f"({entry['question']})"
        rows.append([question, found, *cells])
    header = ["question", "found", *(name.replace("_", " ") for name in names)]
    note = (
        "+ supported, ✕ contradicted, · silent; ± is one standard uncertainty. Tests in parentheses rest on the same "
        "numbers as one above them and are shown, not weighed."
    )
    weights = [
        [item["title"], f"{item['weight']:.3f}", ", ".join(item["supported_by"]).replace("_", " ") or "–",
         ", ".join(item["contradicted_by"]).replace("_", " ") or "–"]
        for item in plain["mechanisms"]
    ]  # fmt: skip
    header_weights = ["mechanism", "weight", "supported by", "contradicted by"]
    note_weights = "Weight: share among the explanations considered here. No test proves a mechanism."
    standing = table(header_weights, weights, "Standing", note_weights)
    tests = table(header, rows, "Tests", note) | {"dense": True}
    text = [plain["conclusion"]["sentence"]] if plain["conclusion"] else []
    return section("evidence", "Evidence for each mechanism", tables=[tests, standing], text=text)


def overrides_section(plain: Plain) -> Section:
    """What a person decided otherwise, what stood there before, and why."""
    rows = [
        [one["sample"], one["part"], one["decision"], one["before"], one["after"], one["reason"], one["by"] or "–"]
        for one in plain["overrides"]
    ]
    header = ["sample", "part", "decision", "before", "now", "reason", "by"]
    note = "Read from overrides.toml in the campaign's folder; everything above rests on what stands there now."
    title = "Decided by a person"
    return section("overrides", title, tables=[table(header, rows, note=note)] if rows else [])


def _with_std(value: float, std: float | None) -> str:
    told = power(f"{value:.3g}")
    return told if std is None or not std > 0 else f"{told} ± {power(f'{std:.1g}')}"
