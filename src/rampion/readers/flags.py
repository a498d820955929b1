"""Findings of reading a file, for every reader; each is one sentence for the user."""

from __future__ import annotations

from rampion.estimate import FlagKind, Severity


class ReaderFlag(FlagKind):
    """What a reader saw, dropped, chose or could not know."""

    # text
    ENCODING_GUESSED = (Severity.NOTE, "The text is not UTF-8; it was read as {encoding}.")
    DECIMAL_MIXED = (
        Severity.WARNING,
        "{count} numbers contradict the file's decimal mark {mark!r}; the unambiguous ones were read by their own "
        "mark and {dropped} ambiguous ones were left out.",
    )
    THOUSANDS = (Severity.NOTE, "{count} numbers carry thousands separators, which were removed.")
    UNREADABLE_CELLS = (Severity.WARNING, "{count} cells of column {column!r} are not numbers and were left out.")
    RAGGED_ROWS = (Severity.WARNING, "{count} rows do not have the header's {expected} columns and were dropped.")
    DUPLICATE_COLUMNS = (Severity.NOTE, "The column names {names} occur more than once; the later ones were numbered.")
    ZERO_BYTES = (
        Severity.WARNING,
        "{count} zero bytes stand in the text, as a crash or a broken copy leaves them; what stood there is lost.",
    )
    # whole files
    CUT_FILE = (Severity.WARNING, "The file ends in the middle of {where}; {kept} complete points were kept.")
    POINTS_MISSING = (
        Severity.WARNING,
        "The header announces {announced} points for {name!r} and the file holds {found}: it is cut, or the run was "
        "stopped.",
    )
    POINTS_BEYOND = (
        Severity.WARNING,
        "The header announces {announced} points for {name!r} and {found} follow; all were read: check the file.",
    )
    SPECTRUM_MISSING = (
        Severity.WARNING,
        "The file announces an impedance scan ({technique}) and holds no spectrum: it is cut, or the run was stopped.",
    )
    SCAN_UNFINISHED = (
        Severity.WARNING,
        "The scan was set from {begin:.4g} to {end:.4g} Hz and ends at {last:.4g} Hz: the file is cut, or the run was "
        "stopped.",
    )
    CUT_LINE = (Severity.WARNING, "The file ends in the middle of a line, which was left out.")
    LAST_NUMBER_DOUBTFUL = (
        Severity.NOTE,
        "The last line has no line end, so its last number ({cell!r}) may be cut and was left out.",
    )
    HEADER_COUNT_WRONG = (
        Severity.NOTE,
        "The file announces {announced} header lines but the table begins after {found}; the table was followed.",
    )
    HEADER_MISSING = (Severity.NOTE, "The file has no header, so start time and settings are not known.")
    EMPTY_BLOCK = (Severity.WARNING, "The block {name!r} holds no points (an empty or aborted run) and was left out.")
    ABORTED = (Severity.WARNING, "The instrument aborted this run: {reason}.")
    BLOCK_SKIPPED = (Severity.WARNING, "The block {name!r} was left out: {reason}.")
    SHEETS_SKIPPED = (Severity.NOTE, "The sheets {names} hold no potential, current or impedance and were left out.")
    # points
    DROPPED_POINTS = (Severity.WARNING, "{count} points without a finite {what} were dropped.")
    PAUSES_KEPT = (
        Severity.NOTE,
        "The tester stood still {count} times, {longest:.0f} s at most, while its test time did not count; "
        "the pauses are kept.",
    )
    BEYOND_REACH = (
        Severity.WARNING,
        "{count} points that no instrument can deliver (the first: {example}) were dropped; look at the file.",
    )
    TIME_BACKWARDS = (Severity.WARNING, "Time runs backwards at {count} places; the record was split there.")
    CLOCK_UNKNOWN = (Severity.NOTE, "The file does not say when it was recorded.")
    CLOCK_AMBIGUOUS = (Severity.NOTE, "The date {date!r} can be read two ways; it was read as {reading}.")
    TIME_UNKNOWN = (Severity.WARNING, "The record has no times; what needs the time is not given.")
    TIME_UNREADABLE = (
        Severity.WARNING,
        "The time in column {column!r} could not be read, {reason}; what needs the time is not given.",
    )
    MIDNIGHT = (Severity.NOTE, "The clock of column {column!r} passes midnight; a day was added there.")
    CURRENT_UNKNOWN = (Severity.WARNING, "The file holds no current for this block.")
    CURRENT_AS_SET = (
        Severity.WARNING,
        "The file holds no measured current; the current that the instrument was set to stands in its place.",
    )
    DIRECTION_FROM_STATE = (
        Severity.NOTE,
        "The currents have no sign; column {column!r} gave their direction, charge positive and discharge negative.",
    )
    DIRECTION_UNKNOWN = (
        Severity.INVALID,
        "{count} currents have no sign and an unknown direction ({states}) and were left out; "
        "export a signed current, or its state.",
    )
    DIRECTION_MISSING = (
        Severity.WARNING,
        "{make} writes currents without sign and this file has no column of states; export it with {wanted}.",
    )
    CURRENT_FROM_CHARGE = (
        Severity.NOTE,
        "The file holds no column of current; the current is the charge between two points over their time.",
    )
    POTENTIAL_UNKNOWN = (Severity.WARNING, "The file holds no potential for this block.")
    # choices
    CELL_VOLTAGE_CHOSEN = (
        Severity.NOTE,
        "The cell voltage was taken from {chosen!r}, not {other!r}, which differs by up to {difference:.3g} V.",
    )
    POTENTIAL_SATURATED = (
        Severity.WARNING,
        "The potential stands at {value:.4g} V for {count} points, the edge of the instrument's range.",
    )
    HALF_CELL_IMPEDANCE = (
        Severity.WARNING,
        "The impedance is that of the working electrode against a reference; the whole cell's (Zwe-ce) is {ratio:.3g} "
        "times as large: use it for the ceramic.",
    )
    RATE_CONTRADICTED = (
        Severity.WARNING,
        "The settings state {stated:.4g} mV/s, but the controlled potential moved at {found:.4g} mV/s; the stated rate "
        "was kept: check the settings.",
    )
    SETTINGS_CONTRADICTED = (
        Severity.WARNING,
        "The settings ({stated}) contradict the recorded frequencies ({found}) and were left out: check that both "
        "are of one run.",
    )
    UNKNOWN_COLUMNS_KEPT = (Severity.NOTE, "Columns of unknown meaning were kept as they are: {names}.")
    COLUMNS_GUESSED = (Severity.NOTE, "The meaning of the columns was guessed from their headers: {mapping}.")
    COLUMNS_BY_POINTS = (
        Severity.WARNING,
        "The meaning of three columns was taken from their numbers: {mapping}; if it is another, use --column.",
    )
    COLUMN_ABSENT = (
        Severity.NOTE,
        "This table has no column {header!r}, so the columns that were named are not used; it was read by its headers.",
    )
    NAMES_WITHOUT_CELLS = (
        Severity.NOTE,
        "The last column names ({names}) have no cells below them; these columns were taken as empty.",
    )
    # impedance
    IMPEDANCE_SIGN_TURNED = (
        Severity.WARNING,
        "Column {column!r} has the opposite sign of what its header says, as |Z| against frequency shows; "
        "it was turned.",
    )
    IMPEDANCE_SIGN_CONTRADICTED = (
        Severity.WARNING,
        "The sign chosen for column {column!r} contradicts |Z| against frequency; check whether it holds the negative.",
    )
    PHASE_IN_RADIANS = (Severity.NOTE, "The phase in column {column!r} names no unit; |Z| shows that it is in radians.")
    UNCALIBRATED_IMPEDANCE = (
        Severity.WARNING,
        "The impedance in this file is not calibrated, by the vendor's own word; export it from the vendor's program.",
    )
    BLOCK_PLACED_AFTER = (
        Severity.NOTE,
        "The times of block {name!r} begin again at zero; it was placed after the block before it.",
    )
    # series
    ORDER_BY_NAME = (
        Severity.NOTE,
        "The files do not all state their start; they were kept in the order of their names.",
    )
    CLOCK_OF_RUN = (
        Severity.NOTE,
        "{file!r} does not state its start; its times follow on the run's other files, so the run's start was taken.",
    )
    FILE_COPY = (
        Severity.NOTE,
        "{file!r} and {other!r} hold one run; {other!r}, which knows more of it, was kept.",
    )
    COPIES_DISAGREE = (
        Severity.WARNING,
        "{file!r} and {other!r} hold one run with two potentials; that of {other!r}, which has more columns, was kept: "
        "check that it is the cell's.",
    )
    RECORDS_ALIKE = (
        Severity.WARNING,
        "{file!r} and {other!r} hold equal values and were both kept; if they are one run, remove one of them.",
    )
    SAMPLES_SHARE_RECORD = (
        Severity.WARNING,
        "{file!r} and {other!r} hold one run, yet the sample sheet gives them to two samples; correct the sheet.",
    )
    RUN_PARTED = (
        Severity.WARNING,
        "{file!r} carries the name of a run that it does not follow in time ({reason}); it was read on its own.",
    )
    # instruments
    UNEVEN_COLUMNS = (
        Severity.WARNING,
        "The columns of this block have unequal lengths; the first {kept} points, complete in all of them, were kept.",
    )
    TIME_LAID_OUT = (
        Severity.NOTE,
        "The file holds no times for this block; they were laid out from {origin}, one point every {interval:.6g} s.",
    )
    TIME_LEFT_OUT = (Severity.WARNING, "The times of this block are incomplete or run backwards and were left out.")
    TIME_SORTED = (Severity.WARNING, "Time runs backwards at {count} places; the points were sorted by time.")
    OVERLOAD = (
        Severity.WARNING,
        "The instrument marked {count} points as overloaded: their true values may be larger.",
    )
    PULSED = (
        Severity.WARNING,
        "{technique} is a pulse technique: its current is a difference of two readings, not the current of the cell.",
    )
    LIBRARY_REMARK = (Severity.WARNING, "The library that reads this format remarked: {remark}")
    CURRENT_SIGN_UNKNOWN = (
        Severity.NOTE,
        "The program can show cathodic currents as positive and the file does not say whether it did; "
        "the signs are kept as they are.",
    )
    # sample sheet and folder
    METADATA_MISSING = (
        Severity.WARNING,
        "Sample {sample!r} has no {names} in the sample sheet; what is per area or per length cannot be given for it.",
    )
    HEADING_MISSPELT = (
        Severity.WARNING,
        "The sample sheet's column {heading!r} is not known and was kept as text: did you mean {near!r}?",
    )
    LAST_CELL_OPEN = (
        Severity.WARNING,
        "The sample sheet's last line has no line end: check that {cell!r} under {heading!r} is whole.",
    )
    HEADINGS_AS_TEXT = (Severity.NOTE, "The sample sheet's columns {names} are not known and were kept as text.")
    DENSITY_BY_COMPOSITION = (
        Severity.NOTE,
        "The theoretical density is that of {composition} ({source}); state your own in 'theoretical density'.",
    )
    DENSITY_NOT_COMPUTED = (
        Severity.NOTE,
        "Sample {sample!r} has no relative density although its mass is stated; add {names} to the sample sheet.",
    )
    DENSITY_DISAGREES = (
        Severity.WARNING,
        "Sample {sample!r}: relative density {stated} as stated, {computed} from mass and dimensions; the stated one "
        "was kept, check both.",
    )
    SAMPLE_CONFLICT = (
        Severity.WARNING,
        "Row {row} states another {field} for sample {sample!r} than a row above; each row keeps its own.",
    )
    FILE_REPEATED = (Severity.WARNING, "{file!r} is named in row {first} and again in row {row}; the first counts.")
    FILE_UNMATCHED = (Severity.WARNING, "Row {row} of the sample sheet names {file!r}, which is not there; {near}")
    FILE_UNLISTED = (Severity.NOTE, "{file!r} is in the folder and not in the sample sheet; it was read on its own.")
    FILE_REFUSED = (Severity.WARNING, "{file!r} was not read: {reason}")
    SHEET_MISSING = (
        Severity.NOTE,
        "There is no sample sheet, so samples are named after their files and {names} are not known; "
        "'rampion template' writes an empty sheet.",
    )
    SCAN_RATE_DIFFERS = (
        Severity.WARNING,
        "The file states a scan rate of {file:.4g} mV/s and the sample sheet {sheet:.4g} mV/s; the file's was kept.",
    )
