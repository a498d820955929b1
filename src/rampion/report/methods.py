"""The methods behind a report: what was done, its equation, its assumptions, its source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rampion.report.document import Section, section, source_cell, table


@dataclass(frozen=True, slots=True)
class Method:
    """One method: ``needs`` names the part of the results that rests on it (a key, or ``key:word``)."""

    needs: str
    what: str
    how: str
    equation: str
    source: str


METHODS = (
    Method(
        "samples", "ohmic line", "The longest early part of the sweep that is straight within its noise; σ from its "
        "slope, thickness and area.", "I = I₀ + V/R;  σ = L/(R·A)", "",
    ),
    Method(
        "samples", "limiting peak", "An interior maximum of the current above the noise, followed by a decay that "
        "lasts; place and height from a local polynomial.", "dI/dV = 0", "",
    ),
    Method(
        "samples", "penetration", "A rise of the current beyond the ohmic conductance that lasts; its onset is where "
        "the rise leaves the course before it.", "dI/dV > 1/R", "",
    ),
    Method(
        "samples", "semi-integral", "Half-order integral of the current density; its plateau does not depend on "
        "ohmic drop or scan rate.", "m(t) = π^(−½)·∫J(s)·(t−s)^(−½) ds → F·c₀·√D/(1−t₊)",
        "10.1016/S0022-0728(73)80244-X",
    ),
    Method(
        "spectra", "labelled processes", "Sets of physical processes with priors compete by evidence; numbers are "
        "averaged over them. A given circuit: complex least squares.",
        "Z = Σ R/[1 + (jωRC)^α];  C = Q^(1/α)·R^((1−α)/α)", "10.1002/admi.202202354",
    ),
    Method(
        "spectra", "Kramers–Kronig test", "Measurement model of linear terms; what it cannot follow beyond noise "
        "breaks the relations.", "Z = R + jωL + 1/(jωC) + Σ R_k/(1 + jωτ_k)", "10.1149/1.2044210",
    ),
    Method(
        "series", "activation energy", "One set of labels for all temperatures, one line a process; every "
        "temperature is uncertain.", "σT = A·exp(−E_a/RT);  T/R = A·exp(−E_a/RT) of a process", "arXiv:2404.06707",
    ),
    Method(
        "recovery", "recovery at rest", "Share of the rise that goes back, with Fieller's interval; the end from "
        "kinetics weighed by AICc.", "f = (R_stop − R)/(R_stop − R_before)", "10.1111/j.2517-6161.1954.tb00159.x",
    ),
    Method(
        "replicates", "mean ± SD", "Over all samples of a setting; the mean's interval takes the pellet as the unit "
        "of replication. Outliers by the modified z-score above 3.5, flagged and kept.",
        "y = µ + u_pellet + ε", "10.1002/9780470316856",
    ),
    Method(
        "replicates", "share penetrated", "Of a setting's samples, with its 95 % interval.", "k of n",
        "10.1093/biomet/26.4.404",
    ),
    Method(
        "survival", "Kaplan–Meier", "Samples that did not penetrate are right-censored at the largest level they bore.",
        "S(J) = Π(1 − d_i/n_i)", "10.1080/01621459.1958.10501452",
    ),
    Method("survival", "Weibull", "Maximum likelihood with censoring.", "S(J) = exp[−(J/λ)^k]", "10.1115/1.4010337"),
    Method(
        "scaling", "scaling laws", "Errors in both axes, scatter beyond them, parent pellets as random shifts.",
        "ln y = ln A + Σ α_j·ln x_j + u_pellet + ε", "10.1002/9780470316665",
    ),
    Method(
        "transport:Eq. 1", "Eq. 1 with a Haven ratio", "From the slope S of J against σ/L.", "t₊ = 1 − 2H_R·RT/(F·S)",
        "arXiv:2110.13399",
    ),
    Method(
        "transport:dilute", "self-consistent dilute cell", "A slope above 102.8 mV (25 °C) cannot be a steady limit "
        "of a dilute binary cell.", "t₊ = F·S/(4RT)", "arXiv:2110.13399",
    ),
    Method(
        "transport:collapse", "collapse of all peaks", "Height and shift of one curve give t₊ and D, then c₀; needs "
        "no literature value.", "y = J_p·L·F/(4RT·σ) against W = v·L²·F/(D·RT);  c₀ = σRT/(F²D^σ)", "this project",
    ),
    Method(
        "transport:Randles", "Randles–Ševčík", "Slope of J against √v with a literature D.",
        "J_p = 0.4463·F·C₀·√(F·D·v/RT)", "10.1135/cccc19480349",
    ),
    Method(
        "transport:Berzins", "Berzins–Delahay", "The law of deposition at unit activity, as lithium on lithium.",
        "J_p = 0.6105·F·C₀·√(F·D·v/RT)", "10.1021/ja01099a013",
    ),
    Method(
        "transport:presence", "bound by the presence of a peak", "A peak needs W above 17–20.",
        "D < v·L²·F/(17RT)", "this project",
    ),
    Method(
        "transport:ohmic drop", "exponent with ohmic drop", "The exponent that a resistance in series leaves of ½.",
        "N = J_p·R·A·F/(RT)", "this project",
    ),
    Method(
        "transport:Sand", "Sand's time", "Vacancies in lithium metal obey the same law: it proves no depletion of the "
        "electrolyte.", "τ = πD·[F·c₀/(2J(1−t₊))]²", "10.1080/14786440109462590",
    ),
    Method(
        "pauses", "effect of the pauses", "The sweep simulated with and without its pauses in the binary cell that "
        "fits all peaks.", "c_t = (D·c_x)_x", "this project",
    ),
    Method(
        "evidence", "weight of evidence", "Each test against what each mechanism predicts; a test is itself faulty "
        "with a chance of 2 %, tests of one family count once.", "w = ln{[(1−ε)·p(x|M) + ε·p₀]/p₀}",
        "10.1080/01621459.1995.10476572",
    ),
)  # fmt: skip


def used(plain: Mapping[str, Any]) -> Iterable[Method]:
    """The methods that something in the results rests on."""
    names = [entry["method"] for entry in plain["transport"]]
    kinds = {finding["kind"] for finding in plain["samples"]}
    for method in METHODS:
        key, _, word = method.needs.partition(":")
        if key == "spectra":
            present = "spectrum" in kinds
        elif key == "samples":  # sweeps and runs
            present = bool(kinds - {"spectrum"})
        elif key == "transport":
            present = any(word in name for name in names)
        else:
            present = bool(plain.get(key))
        if present:
            yield method


def methods_section(plain: Mapping[str, Any]) -> Section:
    """The methods used, with equation and source."""
    rows = [[m.what, m.how, m.equation, source_cell(m.source)] for m in used(plain)]
    header = ["method", "what is done", "equation", "source"]
    note = "Every default, assumption and failure of a method stands in its docstring and on its page of docs/."
    return section("methods", "Methods", tables=[table(header, rows, note=note)])
