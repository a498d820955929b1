"""Text of any instrument: encoding, decimal mark, separator, and numeric tables read fast and without guessing.

Nothing here asks the machine for its locale: encoding and decimal mark are decided from the file alone, once per file.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from rampion.estimate import Flag
from rampion.readers.decimals import NUMBER, decimal_mark, is_missing, proof_of, read_number
from rampion.readers.flags import ReaderFlag
from rampion.readers.numbers import read_columns

_NUMBER_LINE = re.compile(r"\s*[-+.\d]")
SEPARATORS = ("\t", ";", "|", ",", " ")
_PIECE = 1 << 23
_NO_ENDS = bytes({*range(256)} - {*b"\t\n"})
_LAST_LINES = 50  # that show how the last column is written
_SHOWN = 3  # of them must be there: numbers without a common layout agree in their decimals one time in ten


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Columns of a numeric table under their (unique) names, and what was found while reading.

    ``columns`` holds every column with at least one number, (n,) floats with NaN where a cell is empty or not a
    number; ``words`` the text of the columns that were asked for as text.
    """

    columns: dict[str, Float[np.ndarray, " n"]]
    rows: int
    words: dict[str, list[str]] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()


def decode(content: bytes) -> tuple[str, tuple[Flag, ...]]:
    """The text of a file, by its byte-order mark, else UTF-16, UTF-8, cp1252 or latin-1, whichever its bytes allow.

    Line ends become a line feed only where the file has nothing but carriage returns. Typographic minus signs become
    the hyphen that numbers are written with.
    """
    flags: tuple[Flag, ...] = ()
    for mark, name in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if content.startswith(mark):
            text = content[len(mark) :].decode(name, errors="replace")
            break
    else:
        head = content[:4096]
        if head[1::2].count(0) > len(head) // 4:
            text = content.decode("utf-16-le", errors="replace")
        elif head[0::2].count(0) > len(head) // 4:
            text = content.decode("utf-16-be", errors="replace")
        else:
            text, flags = _decode_bytes(content)
    if "\r" in text and "\n" not in text:
        text = text.replace("\r", "\n")
    if not text.isascii():
        text = text.replace("\N{MINUS SIGN}", "-")
    if "\0" in text:
        flags += (ReaderFlag.ZERO_BYTES.flag(count=text.count("\0")),)
    return text, flags


def _decode_bytes(content: bytes) -> tuple[str, tuple[Flag, ...]]:
    try:
        return content.decode("utf-8"), ()
    except UnicodeDecodeError as error:
        # A file cut inside its last character is still UTF-8.
        if error.start >= len(content) - 3 and error.reason == "unexpected end of data":
            return content[: error.start].decode("utf-8"), ()
    if any(byte in content for byte in map(bytes, zip(range(0x80, 0xA0), strict=True))):
        try:
            return content.decode("cp1252"), (ReaderFlag.ENCODING_GUESSED.flag(encoding="cp1252"),)
        except UnicodeDecodeError:
            pass
    return content.decode("latin-1"), (ReaderFlag.ENCODING_GUESSED.flag(encoding="latin-1"),)


def detect_separator(lines: Sequence[str], is_number: Callable[[str], bool] | None = None) -> str:
    """What separates the cells of these lines: tab, ``;``, ``|``, ``,`` or ``" "`` (any run of blanks).

    The first of these that gives every line the same number (two or more) of cells, nearly all of them numbers.
    """
    lines = [line for line in lines if line.strip()]
    best, best_score = " ", -1.0
    for separator in SEPARATORS:
        rows = [split_cells(line, separator) for line in lines]
        counts = Counter(len(row) for row in rows)
        width, regular = counts.most_common(1)[0] if counts else (0, 0)
        if width < 2:
            continue
        cells = [cell for row in rows if len(row) == width for cell in row]
        numeric = sum((is_number or NUMBER.fullmatch)(cell) not in (None, False) or is_missing(cell) for cell in cells)
        score = regular / len(rows) + numeric / len(cells)
        if score > best_score + 0.1:
            best, best_score = separator, score
    return best


def split_cells(line: str, separator: str) -> list[str]:
    """The cells of one line, stripped; empty cells at its end are left out."""
    cells = line.split() if separator == " " else [cell.strip() for cell in line.split(separator)]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def row_cells(line: str, separator: str) -> list[str]:
    """The cells of one row, stripped, empty ones at its end included; quotes hold a cell together."""
    if separator == " ":
        return line.split()
    if '"' in line:
        return [cell.strip() for cell in next(csv.reader([line.replace("\r", "")], delimiter=separator), [])]
    return [cell.strip() for cell in line.split(separator)]


def number_rows(lines: Sequence[str]) -> tuple[list[str], int]:
    """The lines that begin with a number, and how many others that are not blank stand between them."""
    found = [place for place, line in enumerate(lines) if _NUMBER_LINE.match(line)]
    if not found:
        return [], 0
    others = sum(bool(line.strip()) for line in lines[found[0] : found[-1] + 1]) - len(found)
    return [lines[place] for place in found], others


def unique_names(names: Iterable[str]) -> tuple[list[str], tuple[Flag, ...]]:
    """The names with repeated ones numbered: ``I/mA``, ``I/mA (2)``; a flag names those that were repeated."""
    seen: Counter[str] = Counter()
    unique: list[str] = []
    for name in names:
        seen[name] += 1
        unique.append(name if seen[name] == 1 or not name else f"{name} ({seen[name]})")
    repeated = [name for name, count in seen.items() if count > 1 and name]
    return unique, (ReaderFlag.DUPLICATE_COLUMNS.flag(names=", ".join(repeated)),) if repeated else ()


def parse_table(
    body: str,
    names: Sequence[str],
    separator: str = "\t",
    mark: str | None = None,
    words: Sequence[str] = (),
    begin: int = 0,
    end: int | None = None,
    fewest: int | None = None,
) -> Table:
    """The numeric table in ``body[begin:end]``, whose columns have these names.

    Rows with more or fewer cells than names are dropped with a flag (empty cells at the end of a row do not count).
    The last cell of a last line without line end is kept where it is seen to be whole (:func:`without_cut_end`).

    Parameters
    ----------
    body : text that holds the lines of the table.
    names : one name per column; a column without name is not read.
    separator : tab, ``;``, ``,`` or ``" "`` for any run of blanks.
    mark : decimal mark; ``None`` decides it from the numbers.
    words : names of the columns wanted as text.
    begin, end : where the lines of the table begin, after its header, and end; without ``end`` the text's end.
    fewest : cells that a row must have; the further ones are empty where its line ends before them. By default all.

    Raises
    ------
    RefusedError
        When the decimal mark cannot be told (see :func:`decimal_mark`).
    """
    names, flags = unique_names(names)
    end = len(body) if end is None else end
    quoted = separator in ";,|" and body.find('"', begin, end) >= 0
    if mark is None:
        mark = _decided_mark(body, begin, end, separator, quoted)
    rows = _Rows(names, separator, mark, words, fewest or len(names), quoted)
    end, doubtful = without_cut_end(body, separator, begin, end, rows.fewest)
    spans = _spans(body, begin, end)
    table, unread, ragged = _read_rows(body, spans, rows, strict=False)
    if _contradicts(unread, table.columns, mark):
        # Where both marks occur, a number that could be read with either is not read at all.
        table, unread, ragged = _read_rows(body, spans, rows, strict=True)
    columns = table.columns
    flags += (doubtful,) if doubtful else ()
    if ragged:
        flags += (ReaderFlag.RAGGED_ROWS.flag(count=ragged, expected=len(names)),)
    columns = {name: column for name, column in columns.items() if np.isfinite(column).any()}
    return replace(table, columns=columns, flags=flags + _explain(unread, columns, mark))


@dataclass(frozen=True, slots=True)
class _Rows:
    """How the rows of a table are written."""

    names: Sequence[str]
    separator: str
    mark: str
    words: Sequence[str]
    fewest: int
    quoted: bool


def _decided_mark(body: str, begin: int, end: int, separator: str, quoted: bool) -> str:
    if separator != ",":
        return decimal_mark(body, begin, end)
    if not quoted:
        return "."
    lines = body[begin : min(end, begin + _PIECE)].split("\n")
    return decimal_mark("\n".join("\t".join(row_cells(line, separator)) for line in lines))


def _read_rows(
    body: str, spans: Sequence[tuple[int, int]], rows: _Rows, *, strict: bool
) -> tuple[Table, dict[str, Counter[str]], int]:
    """The columns, the tokens of each that were not plain numbers, and how many rows were dropped."""
    kept = {name: place for place, name in enumerate(rows.names) if name and name not in rows.words}
    texts: dict[str, list[str]] = {name: [] for name in rows.words if name in rows.names}
    unread: dict[str, Counter[str]] = {name: Counter() for name in kept}
    values: dict[str, list[np.ndarray]] = {name: [] for name in kept}
    count = ragged = 0
    swap = str.maketrans(".,", ",.") if rows.mark == "," else None
    for begin, end in spans:
        text, dropped = _regular(body[begin:end], rows)
        ragged += dropped
        if not text:
            continue
        lines = text.split("\n") if texts or strict else []
        for name, cells in texts.items():
            place = rows.names.index(name)
            cells += [line.split("\t", place + 1)[place].strip() for line in lines]
        read = read_columns(text.translate(swap) if swap else text, len(rows.names), list(kept.values()))
        for name, place in [*kept.items()]:
            column = read[place]
            tokens = [token.translate(swap) for token in column.cells] if swap else column.cells
            odd, found = column.odd, column.values
            if strict:
                tokens, odd = _doubtful(lines, place, odd)
            if tokens:
                unread[name].update(tokens)
                known = {token: read_number(token, rows.mark, strict=strict) for token in set(tokens)}
                found[odd] = [known[token] for token in tokens]
                if not count and np.isnan(found).all() and not any(map(is_missing, known)):
                    del kept[name]  # a column of words
                    continue
            values[name].append(found)
        count += text.count("\n") + 1
    columns = {name: np.concatenate(values[name]) for name in kept if values[name]}
    return Table(columns=columns, rows=count, words=texts), unread, ragged


def _doubtful(lines: Sequence[str], place: int, odd: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The odd cells of a column, and those whose mark could also group thousands."""
    cells = [line.split("\t", place + 1)[place] for line in lines]
    marked = (row for row, cell in enumerate(cells) if ("," in cell or "." in cell) and NUMBER.fullmatch(cell.strip()))
    rows = sorted({*odd.tolist(), *marked})
    return [cells[row] for row in rows], np.array(rows, dtype=int)


def _spans(body: str, begin: int, end: int) -> list[tuple[int, int]]:
    """Where to divide ``body[begin:end]``, at ends of lines, into pieces of a few megabytes."""
    spans, at = [], begin
    while at < end:
        limit = min(at + _PIECE, end)
        stop = limit if limit == end else body.rfind("\n", at, limit) + 1 or body.find("\n", limit, end) + 1 or end
        spans.append((at, stop))
        at = stop
    return spans


def _regular(piece: str, rows: _Rows) -> tuple[str, int]:
    """The lines with as many cells as names, tabs between the cells, and how many lines were dropped."""
    if "\r" in piece:
        piece = piece.replace("\r", "")
    if rows.separator in ";,|" and not rows.quoted:
        piece = piece.replace("\t", " ").replace(rows.separator, "\t")
    piece = piece.strip("\n")
    tabs = len(rows.names) - 1
    if rows.separator != " " and not rows.quoted and tabs:
        ends = piece.encode("latin-1", errors="replace").translate(None, _NO_ENDS) + b"\n"
        if ends == (b"\t" * tabs + b"\n") * (len(ends) // (tabs + 1)):
            return piece, 0
    lines = [line for line in piece.split("\n") if line and not line.isspace()]
    if rows.separator == " ":
        lines = ["\t".join(line.split()) for line in lines]
    elif rows.quoted:
        lines = ["\t".join(row_cells(line.replace("\t", " "), rows.separator)) for line in lines]
    kept = [line for line in (_fitted(line, tabs + 1, rows.fewest) for line in lines) if line is not None]
    return "\n".join(kept), len(lines) - len(kept)


def _fitted(line: str, width: int, fewest: int) -> str | None:
    """The line with as many cells as names, ``None`` where it has too few, or further cells that are not empty."""
    if line.count("\t") == width - 1:
        return line
    cells = line.split("\t")
    if any(cell.strip() for cell in cells[width:]) or len(cells) < fewest:
        return None
    return "\t".join([*cells[:width], *[""] * (width - len(cells))])


def without_cut_end(
    body: str, separator: str, begin: int = 0, end: int | None = None, fewest: int = 0
) -> tuple[int, Flag | None]:
    """Where what is whole of ``body[begin:end]`` ends, and a flag where a last cell or line was left out.

    Only the last cell of a text can have lost characters. A last line without line end is whole where a blank, a
    separator or a quote closes that cell, or where the cells above it all share the part behind their first digits
    (decimals, exponent, minutes and seconds) and it has that part too. *Assumes* rows of one width.
    *Fails when* a column of numbers without a common layout is cut where the rows above it happen to agree.
    """
    end = len(body) if end is None else end
    if end <= begin or body[end - 1] in "\r\n":
        return end, None
    *above, last = body[begin:end].rsplit("\n", _LAST_LINES)
    if not last.strip():
        return end, None
    cells = row_cells(last, separator)
    if len(cells) < fewest:
        return end - len(last), ReaderFlag.CUT_LINE.flag()
    rows = (row_cells(line.rstrip("\r"), separator) for line in above[1 - _LAST_LINES :])
    if is_whole(last, cells[-1], [row[-1] for row in rows if len(row) == len(cells)]):
        return end, None
    if separator == " ":  # or any other blank
        at = len(last.rstrip()) - len(cells[-1])
    else:
        at = last.rfind('"') if last.count('"') % 2 else last.rfind(separator) + 1
    return end - len(last) + at, ReaderFlag.LAST_NUMBER_DOUBTFUL.flag(cell=cells[-1])


def is_whole(line: str, cell: str, above: Sequence[str]) -> bool:
    """Whether the last cell of a line without line end has all its characters, by what closes it or those above it."""
    closed = not cell or line.endswith('"') or (line[-1].isspace() and NUMBER.fullmatch(cell) is not None)
    if closed or not any(map(str.isdigit, cell)):
        return closed or (cell in above and not any(one != cell and one.startswith(cell) for one in above))
    layouts = {_layout(one) for one in above}
    return len(above) >= _SHOWN and len(layouts) == 1 and layouts == {_layout(cell)} != {""}


def _layout(cell: str) -> str:
    """What stands behind the first digits of a number or a time, with 0 for every digit and ``-`` for every sign."""
    behind = re.sub(r"^[-+]?\d*", "", cell.strip("\"' ").lower())
    return re.sub(r"[-+]", "-", re.sub(r"\d", "0", behind))


def _contradicts(unread: dict[str, Counter[str]], columns: dict[str, np.ndarray], mark: str) -> bool:
    """Whether any number of the table proves the other decimal mark."""
    other = "," if mark == "." else "."
    return any(
        other in token and NUMBER.fullmatch(token.strip()) and proof_of(token.strip()) == other
        for name in columns
        for token in unread[name]
    )


def _explain(unread: dict[str, Counter[str]], columns: dict[str, np.ndarray], mark: str) -> tuple[Flag, ...]:
    """Flags for the tokens that were not plain numbers."""
    flags: list[Flag] = []
    other = "," if mark == "." else "."
    strict = _contradicts(unread, columns, mark)
    contrary = dropped = grouped = 0
    for name in columns:
        words = 0
        for token, count in unread[name].items():
            stripped = token.strip().strip("\"'")
            if is_missing(stripped):
                continue
            if not NUMBER.fullmatch(stripped):
                words += count
            elif np.isnan(read_number(token, mark, strict=strict)):
                dropped += count
            elif other in stripped:
                proof = proof_of(stripped)
                contrary += count * (proof == other)
                grouped += count * (proof != other)
        if words:
            flags.append(ReaderFlag.UNREADABLE_CELLS.flag(count=words, column=name))
    if contrary or dropped:
        flags.append(ReaderFlag.DECIMAL_MIXED.flag(count=contrary + dropped, mark=mark, dropped=dropped))
    if grouped:
        flags.append(ReaderFlag.THOUSANDS.flag(count=grouped))
    return tuple(flags)
