"""What the impedance methods find that a user should know: stable codes with a sentence each."""

from __future__ import annotations

from rampion.estimate import FlagKind, Severity


class ImpedanceFlag(FlagKind):
    """Findings about spectra, series of spectra and their recovery."""

    # validity
    KRAMERS_KRONIG_VIOLATED = (
        Severity.INVALID,
        "The spectrum breaks the Kramers–Kronig relations by {violation:.2g} of |Z| (noise {noise:.2g}): "
        "the cell changed, or was not linear, while it was measured.",
    )
    KRAMERS_KRONIG_SYSTEMATIC = (
        Severity.NOTE,
        "The spectrum deviates from Kramers–Kronig systematically, by {violation:.2g} of |Z|, "
        "which is within the tolerance of {tolerance:.2g}.",
    )
    KRAMERS_KRONIG_OUTLIERS = (
        Severity.WARNING,
        "{count} of {points} points stand out of the Kramers–Kronig model, the first at {frequency:.3g} Hz.",
    )
    KRAMERS_KRONIG_TOO_FEW_POINTS = (
        Severity.INVALID,
        "{points} points are too few for a Kramers–Kronig test; at least {needed} are needed.",
    )
    KRAMERS_KRONIG_NOISY = (
        Severity.INVALID,
        "The points scatter by {noise:.2g} of |Z| about any spectrum that obeys the Kramers–Kronig relations; "
        "above {limit:.2g} nothing can be said to obey them.",
    )
    KRAMERS_KRONIG_WEAK = (
        Severity.NOTE,
        "With {points} points the Kramers–Kronig test sees only gross violations.",
    )
    # distribution of relaxation times
    POLARISATION_OUTSIDE_WINDOW = (
        Severity.WARNING,
        "{share:.0%} of the polarisation relaxes at the edge of the measured window or beyond it: "
        "the polarisation resistance of the distribution is not to be trusted; take it from the circuit.",
    )
    INDUCTIVE_LOOP = (
        Severity.NOTE,
        "The spectrum has an inductive loop of {resistance:.3g} Ω at {frequency:.3g} Hz: the distribution is negative "
        "there, and the polarisation resistance counts it as negative.",
    )
    NOT_RELAXATIONS = (
        Severity.WARNING,
        "No distribution of relaxation times follows the spectrum closer than {residual:.2g} of |Z| (noise "
        "{noise:.2g}): do not use its peaks; check the spectrum's validity.",
    )
    POLARISATION_UNSURE = (
        Severity.WARNING,
        "The polarisation resistance of the distribution is known to {relative:.1%} only: the noise, or what is "
        "assumed beyond the window, weighs too much.",
    )
    BLOCKING_AT_LOW_FREQUENCY = (
        Severity.NOTE,
        "The phase at the lowest frequency is {phase:.0f}°: the cell blocks there, and the polarisation resistance is "
        "that of the relaxations before the blocking branch.",
    )
    # stationarity
    DRIFT_CORRECTED = (
        Severity.NOTE,
        "The cell drifted while the spectrum was measured; the points were brought to one time, "
        "by at most {largest:.2g} of |Z| (at {frequency:.3g} Hz), using {source}; up to {remaining:.2g} may remain.",
    )
    DRIFT_NOT_CORRECTED = (
        Severity.WARNING,
        "The cell drifted by {drift:.2g} while the spectrum was measured and {reason}: the spectrum is uncorrected.",
    )
    # recovery
    RECOVERY_NOT_RESOLVED = (
        Severity.WARNING,
        "The rise of the resistance before the rest, {rise:.3g} Ω, is within its uncertainty of {std:.2g} Ω: "
        "there is nothing whose recovery could be told.",
    )
    RECOVERY_UNFINISHED = (
        Severity.WARNING,
        "The resistance was still changing when the rest ended: the final value rests on the extrapolation "
        "of the fitted kinetics.",
    )
    KINETICS_UNDECIDED = (
        Severity.NOTE,
        "The data do not tell the kinetics apart; the best two are {first} and {second} "
        "(weights {first_weight:.2f} and {second_weight:.2f}).",
    )
    # circuits, series, assignment
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
    LABELS_DO_NOT_DESCRIBE = (
        Severity.WARNING,
        "No set of labels describes the spectrum: its residuals of {residual:.2g} of |Z| follow a pattern; "
        "give a circuit (--circuit).",
    )
    ERRORS_NOT_AS_WEIGHTED = (
        Severity.WARNING,
        "The errors grow as |Z| to the power {exponent:.1f} (p = {p_value:.2g}), which is not what the weights "
        "'{weighting}' assume: the intervals are not right; use the weights '{other}' (--weighting {other}).",
    )
    ARC_NOT_RESOLVED = (
        Severity.WARNING,
        "The arc {process} is not resolved: {reason}.",
    )
    FEW_POINTS = (
        Severity.WARNING,
        "The spectrum has {points} points for {parameters} parameters; the uncertainties are only indicative.",
    )
    GEOMETRY_UNKNOWN = (
        Severity.WARNING,
        "Without the sample's {missing} {consequence}: give it in the sample sheet.",
    )
    GEOMETRY_UNCERTAINTY_MISSING = (
        Severity.NOTE,
        "No uncertainty is stated for the sample's {missing}; that of the conductivity is the resistance's alone.",
    )
