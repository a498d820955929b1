"""The arguments of the paper and of its critics: what is measured, what range is thinkable, what the null value is.

Arguments of one ``family`` rest on the same numbers (the peaks of one set of sweeps): only the first of a family that
is available is counted, the others are shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from rampion.mechanisms.prediction import Segment, Share, point


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One test.

    ``low`` and ``high`` bound the values thinkable by anyone (the measure of "no prediction"); ``null`` is the value
    that the test's own p-value and effect size refer to, None where there is none.
    """

    name: str
    question: str
    family: str
    low: tuple[float, ...]
    high: tuple[float, ...]
    null: Segment | Share | None


def _line(name: str, question: str, family: str, low: float, high: float, null: float | None) -> Argument:
    value = None if null is None else point(null, tolerance=0.0)
    return Argument(name=name, question=question, family=family, low=(low,), high=(high,), null=value)


class Arguments(Enum):
    """All tests, in the order in which a family prefers them."""

    PEAK_EXISTS = Argument(
        name="peak_exists", question="Which share of slow sweeps shows a limiting peak?", family="peak", low=(0.0,),
        high=(1.0,), null=None,
    )  # fmt: skip
    EXPONENT_PAIR = Argument(
        name="exponent_pair",
        question="Where do the exponents (a, b) of J_p ∝ vᵃLᵇ lie: on b = 2a - 1, on b = -a, at (0, -1)?",
        family="scaling",
        low=(-0.3, -1.5),
        high=(1.0, 0.5),
        null=Segment((0.0, -1.0), (0.5, 0.0), (0.0, 0.0)),
    )
    BULK_OVERLAY = _line(
        "bulk_overlay", "Does J_pL/σ depend on vL² alone (exponent of L left over)?", "scaling", -1.5, 1.5, 0.0
    )
    INTERFACE_OVERLAY = _line(
        "interface_overlay", "Does J_p depend on vσ/L alone (exponent of L left over)?", "scaling", -1.5, 1.5, 0.0
    )
    CAPACITY_PAIR = Argument(
        name="capacity_pair", question="Is the capacity at the peak common to all v and L (exponents of Q_p)?",
        family="scaling", low=(-1.5, -1.5), high=(0.5, 1.5), null=point(0.0, 0.0, tolerance=0.0),
    )  # fmt: skip
    SEMI_INTEGRAL_PAIR = Argument(
        name="semi_integral_pair",
        question="Is the semi-integral at its plateau common to all v and L (its exponents)?",
        family="scaling", low=(-1.0, -1.5), high=(1.0, 1.0), null=point(0.0, 0.0, tolerance=0.0),
    )  # fmt: skip
    RATE_EXPONENT = _line("rate_exponent", "What is the exponent of J_p against scan rate?", "scaling", -0.3, 1.0, 0.5)
    THICKNESS_EXPONENT = _line(
        "thickness_exponent", "What is the exponent of J_p against thickness?", "scaling", -1.5, 0.5, -1.0
    )
    ROOT_LAW = _line("root_law", "How straight is J_p against √v (R² of the forced line)?", "scaling", 0.0, 1.0, None)
    OHMIC_SHARE = _line(
        "ohmic_share", "What share of the peak's voltage is not ohmic, (V_p - J_pR)/V_p?", "voltage", -1.0, 1.0, 0.0
    )
    BULK_RESISTANCE = _line(
        "bulk_resistance",
        "How does the bulk resistance change through the peak (ln of the ratio)?",
        "bulk",
        -1.5,
        1.5,
        0.0,
    )
    INTERFACE_RESISTANCE = _line(
        "interface_resistance", "How does the interface resistance change through the peak (ln of the ratio)?",
        "interface", -3.0, 15.0, 0.0,
    )  # fmt: skip
    INTERFACE_CAPACITANCE = _line(
        "interface_capacitance", "How does the interface's capacitance follow its resistance (dlnC/dlnR)?",
        "capacitance", -2.0, 1.0, 0.0,
    )  # fmt: skip
    RECOVERY_UNPRESSED = _line(
        "recovery_unpressed", "Which share of the impedance rise recovers without stack pressure?", "recovery",
        -0.1, 1.1, 1.0,
    )  # fmt: skip
    PRESSURE_EFFECT = _line(
        "pressure_effect", "How much more recovers with stack pressure than without?", "pressure", -1.0, 1.0, 0.0
    )
    RECOVERY_TAIL = _line(
        "recovery_tail", "How does the last tenth of the rise decay (dln excess/dln t)?", "kinetics", -5.0, 0.5, -0.5
    )
    SAND_EXPONENT = _line(
        "sand_exponent", "How does the time to failure depend on the current?", "sand", -6.0, 1.0, -2.0
    )
    SAND_PREFACTOR = _line(
        "sand_prefactor", "Does 2J√(τ/π) agree with the sweeps' semi-integral (ln of the ratio)?", "prefactor",
        -2.0, 2.0, 0.0,
    )  # fmt: skip
    FAILURE_ABOVE_PEAK = Argument(
        name="failure_above_peak", question="Which share of constant-current runs above J_p penetrates?",
        family="failure", low=(0.0,), high=(1.0,), null=None,
    )  # fmt: skip
    INTERFACE_LAW = _line(
        "interface_law", "How does the critical current density depend on the interface resistance (exponent)?",
        "interface_law", -1.5, 0.5, 0.0,
    )  # fmt: skip
    PRECURSORS = Argument(
        name="precursors", question="Which share of penetrated samples showed soft shorts before?", family="precursors",
        low=(0.0,), high=(1.0,), null=None,
    )  # fmt: skip
