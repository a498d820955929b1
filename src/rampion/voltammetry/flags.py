"""Findings about one trace that are worth a sentence to the user."""

from __future__ import annotations

from rampion.estimate import FlagKind, Severity


class VoltammetryFlag(FlagKind):
    """What reading one trace brought up besides the verdict."""

    NOT_A_SWEEP = (
        Severity.NOTE,
        "The trace is neither a voltage sweep, a constant current nor galvanostatic steps ({reason}); "
        "it is not judged.",
    )
    CHOSEN = (Severity.NOTE, "The verdict or its place was chosen by a person; without that choice it was {found!r}.")
    POINTS_DROPPED = (Severity.NOTE, "{points} points without potential or current were left out.")
    NO_TIME = (Severity.WARNING, "No time was recorded: scan rate, charge and semi-integral are not known.")
    TIME_FROM_RATE = (Severity.NOTE, "No time was recorded: it was rebuilt from the stated scan rate.")
    RATE_CONTRADICTED = (
        Severity.WARNING,
        "The protocol states {stated:.4g} mV/s, but the cell voltage moved at {found:.4g} mV/s; the stated rate is "
        "given: check protocol and sheet.",
    )
    CLOCK_UNKNOWN = (Severity.NOTE, "The parts of the run share no clock; the time between them is not known.")
    AREA_MISSING = (
        Severity.WARNING,
        "The electrode area of the sample is not known; give the area to get current density, charge and conductivity.",
    )
    THICKNESS_MISSING = (
        Severity.WARNING,
        "The thickness of the sample is not known; give the thickness to get the conductivity.",
    )
    AREA_UNCERTAINTY_MISSING = (
        Severity.NOTE,
        "The area has no stated uncertainty; the uncertainties per area are those of the measurement alone.",
    )
    THICKNESS_UNCERTAINTY_MISSING = (
        Severity.NOTE,
        "The thickness has no stated uncertainty; the conductivity's uncertainty leaves it out.",
    )
    REFERENCE_NOT_RECORDED = (
        Severity.WARNING,
        "The sample has three electrodes, but the record holds one voltage; if it is against the reference, every "
        "number concerns one side alone: export both electrodes' potentials.",
    )
    REFERENCE_DEPTH_MISSING = (
        Severity.NOTE,
        "A reference electrode was recorded; state its 'reference depth' with an uncertainty to get the working "
        "interface's share.",
    )
    REFERENCE_CONTRADICTED = (
        Severity.WARNING,
        "The reference electrode's potentials: {found}; expected {expected}. Check its connection, its depth, and "
        "whether both interfaces are alike.",
    )
    NEGATIVE_SWEEP = (
        Severity.NOTE,
        "The sweep ran to negative potentials; potential and current are given as magnitudes.",
    )
    POLARITY = (
        Severity.WARNING,
        "Current and potential have opposite signs (leads swapped or another sign convention); the current's sign "
        "was turned.",
    )
    RESTS_AWAY_FROM_ZERO = (
        Severity.INVALID,
        "Without current the cell rests at {potential:.3g} V; a symmetric one rests within {allowed:.0f} mV. State the "
        "electrodes if they differ; no event was looked for.",
    )
    DELIVERS_CURRENT = (
        Severity.INVALID,
        "At {potential:.3g} V the cell delivers current; polarisation of a symmetric one leaves at most {allowed:.0f} "
        "mV there. State the electrodes if they differ; no event was looked for.",
    )
    NO_CURRENT_AWAY_FROM_ZERO = (
        Severity.INVALID,
        "The sweep begins without current at {potential:.3g} V; a symmetric cell polarised before shows at most "
        "{allowed:.0f} mV. State the electrodes if they differ; no event was looked for.",
    )
    POLARISED_AT_START = (
        Severity.WARNING,
        "The cell began {potential:.3g} V away from zero, as one polarised by a run before it does, or one of unlike "
        "electrodes: record the rest before the sweep.",
    )
    COUPLE_SUBTRACTED = (
        Severity.NOTE,
        "The {potential:.3g} V of the stated electrodes were taken off the potentials.",
    )
    ELECTRODES_DIFFER = (
        Severity.NOTE,
        "The electrodes are not lithium on both sides: events are judged, and no transport numbers are drawn.",
    )
    PAUSES = (
        Severity.NOTE,
        "The sweep was paused {count} times for {seconds:.0f} s in all; the current relaxes in pauses, so compare the "
        "peak only with sweeps paused alike.",
    )
    UNEVEN_SAMPLING = (
        Severity.NOTE,
        "The sampling is uneven (largest step {ratio:.0f} times the usual one in the sweep).",
    )
    COARSE_RESOLUTION = (
        Severity.NOTE,
        "The current is recorded in steps of {resolution:.3g} A, coarser than its noise; the steps limit the accuracy.",
    )
    CONDUCTANCE_UNCERTAIN = (
        Severity.WARNING,
        "The sweep leaves the conductance at rest between {low:.3g} and {high:.3g} S: a cell that polarises within the "
        "first points cannot be told from one with a larger resistance. Take the conductance from impedance.",
    )
    SPACE_CHARGE = (
        Severity.NOTE,
        "From {potential:.3g} V on the plating face is depleted beyond electroneutrality: no level, t₊ or D is drawn "
        "from there.",
    )
    TRANSPORT_OR_CONTACT = (
        Severity.NOTE,
        "A single sweep cannot tell a transport limit from a loss of contact; scan rates, thicknesses or relaxation "
        "can.",
    )
    EVENT_BEFORE_PENETRATION = (
        Severity.NOTE,
        "Recoverable excursions (soft shorts) came before the penetration, first at {potential:.4g} V.",
    )
    ENDS_IN_RISE = (
        Severity.WARNING,
        "The record ends {points} points after the onset: whether the current would have come back, as in a soft "
        "short, cannot be told.",
    )
    RIGHT_CENSORED = (
        Severity.NOTE,
        "No event up to the end of the record: the values are the largest reached, lower bounds of any event.",
    )
    RANGE_CHANGE = (
        Severity.NOTE,
        "The instrument seems to have changed its current range near {potential:.4g} V (step in resolution and noise).",
    )
    CLIPPED_AFTER_EVENT = (
        Severity.NOTE,
        "After the event the current stays at {current:.4g} A, the instrument's limit.",
    )
    DIPS = (
        Severity.NOTE,
        "The current dips and comes back {count} times, as an intermittent contact would.",
    )
    LOW_CONFIDENCE = (Severity.WARNING, "The verdict is uncertain (confidence {confidence:.2f}); look at the figure.")
    STOPPED_EARLY = (
        Severity.NOTE,
        "The sweep ends at {potential:.4g} V, short of the {stop:.4g} V it was meant to reach.",
    )
    AREAL_CAPACITY_LARGE = (
        Severity.NOTE,
        "The half cycles before the event moved {capacity:.3g} C/m² each; the critical current density depends on it.",
    )
    UNEVEN_STEPS = (Severity.NOTE, "The steps differ in length; the capacity per half cycle is not constant.")
    VOLTAGE_FALLS = (
        Severity.WARNING,
        "At the end {fall:.0%} of the early voltage is gone, gradually: contact that forms does so, and so does a "
        "short that begins; impedance before and after tells them apart.",
    )
    ENDS_IN_DROP = (
        Severity.WARNING,
        "The last point alone lies below half of the early voltage: a short that ended the run looks so, and so does "
        "an instrument that switches off.",
    )
    NO_COURSE_BEFORE = (
        Severity.NOTE,
        "The voltage falls from the first points on: the time of the event is an upper bound.",
    )
    NOT_CONSTANT = (Severity.WARNING, "The current strays by {relative:.1%} from its constant value.")
