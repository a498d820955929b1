"""Findings about spectra, as sentences for the user."""

from __future__ import annotations

from rampion.estimate import FlagKind, Severity


class ImpedanceFlag(FlagKind):
    """What a spectrum, a fit or a series of fits may have to say about itself."""

    UNIDENTIFIABLE = (
        Severity.INVALID,
        "The data do not fix {parameter}: {reason}; its value has no uncertainty and must not be used.",
    )
    AT_BOUND = (
        Severity.WARNING,
        "{parameter} ended at its {side} bound {bound:.3g}; it was held there and has no uncertainty.",
    )
    NOT_CONVERGED = (Severity.INVALID, "The fit of {circuit} stopped before its tolerance; its numbers are not final.")
    RESIDUALS_NOT_WHITE = (
        Severity.WARNING,
        "The residuals of {circuit} follow a pattern (p = {p_value:.2g}): the circuit does not describe the spectrum, "
        "and the uncertainties are too small.",
    )
    ARC_NOT_RESOLVED = (
        Severity.WARNING,
        "The arc {process} is not resolved: {reason}.",
    )
    AMBIGUOUS_CIRCUIT = (
        Severity.NOTE,
        "{circuit} and {other} describe the spectrum about equally well (difference of the criterion {difference:.1f}).",
    )
    FEW_POINTS = (
        Severity.WARNING,
        "The spectrum has {points} points for {parameters} parameters; the uncertainties are only indicative.",
    )
    ASSIGNMENT_UNCERTAIN = (
        Severity.WARNING,
        "The process {process} could be {names}: its capacitance does not decide (confidence {confidence:.0%}).",
    )
    GEOMETRY_UNKNOWN = (
        Severity.WARNING,
        "The sample's {missing} is not known, so {consequence}: give it in the sample sheet.",
    )
    ARC_APPEARS = (Severity.NOTE, "The arc {process} is there from spectrum {index} on.")
    ARC_VANISHES = (Severity.NOTE, "The arc {process} is no longer there from spectrum {index} on.")
    TRACK_BROKEN = (
        Severity.WARNING,
        "Between spectra {first} and {second} the arcs cannot be matched with confidence; "
        "the tracks there may belong to different processes.",
    )
