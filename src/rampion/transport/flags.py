"""What a transport number may have to say about itself."""

from __future__ import annotations

from rampion.estimate import FlagKind, Severity


class TransportFlag(FlagKind):
    """Findings about transport numbers and the assumptions behind them."""

    ABOVE_DILUTE_BOUND = (
        Severity.INVALID,
        "The slope J·L/σ = {slope:.1f} mV exceeds 4RT/F = {bound:.1f} mV: no dilute binary cell has a steady limiting "
        "current that large (t₊ would be {transference:.3f}).",
    )
    NEGATIVE_TRANSFERENCE = (
        Severity.INVALID,
        "The slope is below what Eq. 1 allows at a Haven ratio of {haven:g}: t₊ would be {transference:.3f}.",
    )
    ASSUMPTION_FAILS = (Severity.WARNING, "{method}: its assumption fails here: {sentence}")
    NO_ASSUMPTION_CHECK = (Severity.NOTE, "{method}: not checked for these data: {sentence}")
    ABOVE_ALL_LITHIUM = (
        Severity.INVALID,
        "{value:.3g} mol/L of carriers is more than all the lithium in the solid ({limit:.3g} mol/L).",
    )
    METHODS_DISAGREE = (
        Severity.WARNING,
        "The methods disagree on {quantity} by a factor of {ratio:.3g}: at least one of their assumptions is false.",
    )
    FLAT_TRANSFERENCE = (
        Severity.WARNING,
        "The collapse does not fix t₊: only its interval is meaningful.",
    )
    AT_BOUND = (Severity.WARNING, "The fit ended at the edge of what was searched ({quantity}); read it as a bound.")
    BELOW_LIMIT = (Severity.NOTE, "{count} runs lie at or below the limiting current, where no depletion occurs.")
    NO_FINITE_SIZE = (
        Severity.NOTE,
        "All runs are far above the limiting current: the runs fix Fc₀√D/(1-t₊) but not the limiting current itself.",
    )
    CONDUCTIVITIES_DIFFER = (
        Severity.WARNING,
        "The conductivity of the sweep and that of the impedance differ by {difference:.0%} (p = {p_value:.2g}).",
    )
    FEW_TEMPERATURES = (
        Severity.WARNING,
        "{count} temperatures give an activation energy but not its uncertainty; measure at three or more.",
    )
    TEMPERATURE_SCATTER = (
        Severity.NOTE,
        "{quantity}: the points scatter about the line by {scatter:.1%} beyond the errors of the fits, as temperatures "
        "wrong by {kelvin:.2g} K would make them; that is in the uncertainty.",
    )
    SCATTER_BEYOND_ERRORS = (
        Severity.WARNING,
        "{quantity}: the points scatter about the line more than their stated errors say (χ²/ν = {ratio:.1f}, "
        "p = {p_value:.2g}); the excess of {scatter:.1%} was added to the errors.",
    )
    NOT_ONE_ENERGY = (
        Severity.WARNING,
        "{quantity}: not one activation energy: the points bend away from the line (p = {p_value:.2g}), with "
        "{cold:.2f} eV at the cold end and {hot:.2f} eV at the hot end.",
    )
    EXTRAPOLATED_TO_ROOM = (
        Severity.NOTE,
        "{quantity}: 25 °C lies outside the {low:.0f} to {high:.0f} °C measured; the value there is an extrapolation.",
    )
