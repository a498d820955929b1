"""Text of any instrument: encoding, decimal mark, separator, and numeric tables read fast and without guessing.

Nothing here asks the machine for its locale: encoding and decimal mark are decided from the file alone, once per file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from rampion.estimate import Flag
from rampion.readers.decimals import NUMBER, decimal_mark, is_missing, proof_of, read_number
from rampion.readers.flags import ReaderFlag
from rampion.readers.numbers import PADDING, read_tokens

_PIECE = 1 << 20


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


def detect_separator(lines: Sequence[str]) -> str:
    """What separates the cells of these lines: tab, ``;``, ``,`` or ``" "`` (any run of blanks).

    The first of these that gives every line the same number (two or more) of cells, nearly all of them numbers.
    """
    lines = [line for line in lines if line.strip()]
    best, best_score = " ", -1.0
    for separator in ("\t", ";", ",", " "):
        rows = [split_cells(line, separator) for line in lines]
        counts = Counter(len(row) for row in rows)
        width, regular = counts.most_common(1)[0] if counts else (0, 0)
        if width < 2:
            continue
        cells = [cell for row in rows if len(row) == width for cell in row]
        numeric = sum(bool(NUMBER.fullmatch(cell)) or is_missing(cell) for cell in cells)
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
) -> Table:
    """The numeric table in ``body[begin:end]``, whose columns have these names.

    Rows with more or fewer cells than names are dropped with a flag (empty cells at the end of a row do not count).
    A last line without line end is kept, but its last number only where its layout shows that no digit is missing.

    Parameters
    ----------
    body : text that holds the lines of the table.
    names : one name per column; a column without name is not read.
    separator : tab, ``;``, ``,`` or ``" "`` for any run of blanks.
    mark : decimal mark; ``None`` decides it from the numbers.
    words : names of the columns wanted as text.
    begin, end : where the lines of the table begin, after its header, and end; without ``end`` the text's end.

    Raises
    ------
    RefusedError
        When the decimal mark cannot be told (see :func:`decimal_mark`).
    """
    names, flags = unique_names(names)
    end = len(body) if end is None else end
    if mark is None:
        mark = "." if separator == "," else decimal_mark(body, begin, end)
    spans = _spans(body, begin, end)
    table, unread, ragged = _read_rows(body, spans, names, separator, mark, words, strict=False)
    if _contradicts(unread, table.columns, mark):
        # Where both marks occur, a number that could be read with either is not read at all.
        table, unread, ragged = _read_rows(body, spans, names, separator, mark, words, strict=True)
    columns = table.columns
    if ragged:
        flags += (ReaderFlag.RAGGED_ROWS.flag(count=ragged, expected=len(names)),)
    if table.rows and body[end - 1] not in "\r\n":
        flags += _distrust_end(body[max(begin, end - _PIECE) : end], columns, names, separator, ragged)
    columns = {name: column for name, column in columns.items() if np.isfinite(column).any()}
    return replace(table, columns=columns, flags=flags + _explain(unread, columns, mark))


def _read_rows(
    body: str,
    spans: Sequence[tuple[int, int]],
    names: Sequence[str],
    separator: str,
    mark: str,
    words: Sequence[str],
    *,
    strict: bool,
) -> tuple[Table, dict[str, Counter[str]], int]:
    """The columns, the tokens of each that were not plain numbers, and how many rows were dropped."""
    kept = {name: place for place, name in enumerate(names) if name and name not in words}
    texts: dict[str, list[str]] = {name: [] for name in words if name in names}
    unread: dict[str, Counter[str]] = {name: Counter() for name in kept}
    rows = ragged = 0
    store = np.empty((len(names), 0))
    # Freeing one large block tells the allocator to keep what the pieces need instead of fetching it anew each time.
    np.empty(_PIECE << 4 if len(spans) > 1 else 0, dtype=np.uint8)
    for span in spans:
        piece, text, begin, stop, dropped = _cells(body, span, len(names), separator)
        before, rows = rows, rows + begin.shape[1]
        ragged += dropped
        if rows > store.shape[1]:
            store = _enlarge(store, before, rows, (spans[-1][1] - span[0]) / (span[1] - span[0]))
        for place, name in enumerate(names):
            if name in texts:
                texts[name] += [token.strip() for token in _tokens(piece, begin[place], stop[place])]
            elif name in kept:
                values, understood = read_tokens(text, begin[place], stop[place], mark)
                if strict:
                    understood &= np.isnan(values)
                if not understood.all():
                    odd = np.flatnonzero(~understood)
                    tokens = _tokens(piece, begin[place][odd], stop[place][odd])
                    unread[name].update(tokens)
                    known = {token: read_number(token, mark, strict=strict) for token in set(tokens)}
                    values[odd] = [known[token] for token in tokens]
                    if not before and np.isnan(values).all() and not any(map(is_missing, known)):
                        del kept[name]  # a column of words
                        continue
                store[place, before:rows] = values
    columns = {name: store[place, :rows] for name, place in kept.items()} if spans else {}
    return Table(columns=columns, rows=rows, words=texts), unread, ragged


def _enlarge(store: np.ndarray, filled: int, needed: int, share: float) -> np.ndarray:
    """Room for the rows to come, judged from those of one piece, of which the rest of the text is ``share`` times."""
    larger = np.empty((store.shape[0], filled + int((needed - filled) * share * 1.02) + 1))
    larger[:, :filled] = store[:, :filled]
    return larger


def _spans(body: str, begin: int, end: int) -> list[tuple[int, int]]:
    """Where to divide ``body[begin:end]``, at ends of lines, into pieces of about a megabyte."""
    spans, at = [], begin
    while at < end:
        limit = min(at + _PIECE, end)
        stop = body.rfind("\n", at, limit) + 1 or body.find("\n", limit, end) + 1 or end
        spans.append((at, stop))
        at = stop
    return spans


def _tokens(piece: str, begin: np.ndarray, stop: np.ndarray) -> list[str]:
    return [piece[a:b] for a, b in zip(begin.tolist(), stop.tolist(), strict=True)]


def _cells(
    body: str, span: tuple[int, int], width: int, separator: str
) -> tuple[str, np.ndarray, np.ndarray, np.ndarray, int]:
    """A piece of the body as text and bytes, where each of its cells (width, rows) begins and stops, rows dropped."""
    padding = "\n" * PADDING
    piece = body[slice(*span)]
    piece = "".join((padding, piece, "" if piece.endswith("\n") else "\n", padding))
    if separator in ";,":
        piece = piece.replace("\t", " ").replace(separator, "\t")
    text = np.frombuffer(piece.encode("latin-1", errors="replace"), np.uint8)
    if separator == " ":
        return piece, text, *_find_cells_between_blanks(text, width)
    return piece, text, *_find_cells(text, width, piece.count("\n") - 2 * PADDING + 1, " " in piece)


def _find_cells(text: np.ndarray, width: int, line_ends: int, blanks: bool) -> tuple[np.ndarray, np.ndarray, int]:
    """Places of the cells between tabs."""
    inner = text[PADDING - 1 : text.size - PADDING]
    ends = np.flatnonzero(inner <= ord("\n"))
    ends += PADDING - 1
    # Every line has its cells when each cell-th end is a line's and no other line ends between them.
    regular = width and ends.size == (line_ends - 1) * width + 1 and (text[ends[::width]] == ord("\n")).all()
    if regular and line_ends > 1:
        counts = np.full(line_ends - 1, width)
        stop = np.ascontiguousarray(ends[1:].reshape(-1, width).T)
        begin = np.empty_like(stop)
        begin[1:] = stop[:-1]
        begin[0, 1:] = stop[-1, :-1]
        begin[0, 0] = ends[0]
        begin += 1
        filled = counts > 0
    else:
        lines = np.flatnonzero(text[ends] == ord("\n"))
        counts = np.diff(lines)
        last = ends[lines[1:]]
        blank = last - ends[lines[:-1]] <= 1 + (text[last - 1] == ord("\r"))
        # Separators at the end of a row are empty cells beyond the header: cut them off.
        surplus = counts - width
        empty = np.ones(counts.size, dtype=bool)
        for extra in range(1, int(min(surplus.max(initial=0), 64)) + 1):
            some = surplus >= extra
            place = lines[1:][some] - (surplus[some] - extra)
            gap = ends[place] - ends[place - 1] - 1 - (text[ends[place] - 1] == ord("\r"))
            empty[some] &= gap <= 0
        filled = (surplus >= 0) & (surplus <= 64) & empty & ~blank
        heads = lines[:-1][filled]
        begin = np.stack([ends[heads + column] + 1 for column in range(width)]) if width else np.empty((0, 0), int)
        stop = np.stack([ends[heads + column + 1] for column in range(width)]) if width else np.empty((0, 0), int)
        counts = counts[~blank]
        filled = filled[~blank]
    if stop.size:
        stop[-1] -= text[stop[-1] - 1] == ord("\r")
        if blanks:
            _strip_blanks(text, begin, stop)
    return begin, stop, int(counts.size - filled.sum())


def _strip_blanks(text: np.ndarray, begin: np.ndarray, stop: np.ndarray) -> None:
    for _ in range(32):
        lead = (text[begin] == ord(" ")) & (begin < stop)
        begin += lead
        trail = (text[stop - 1] == ord(" ")) & (begin < stop)
        stop -= trail
        if not (lead.any() or trail.any()):
            return


def _find_cells_between_blanks(text: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Places of the cells between runs of blanks."""
    dark = text > ord(" ")
    edges = np.flatnonzero(dark[1:] != dark[:-1]) + 1
    begin, stop = edges[0::2], edges[1::2]
    line_ends = np.flatnonzero(text[PADDING:] == ord("\n")) + PADDING
    last = np.searchsorted(begin, line_ends)
    first = np.concatenate([[0], last[:-1]])
    counts = last - first
    heads = first[counts == width]
    dropped = int(np.sum((counts != width) & (counts > 0)))
    if not heads.size or not width:
        return np.empty((width, 0), int), np.empty((width, 0), int), dropped
    columns = np.arange(width)[:, None]
    return begin[heads + columns], stop[heads + columns], dropped


def _distrust_end(
    body: str, columns: dict[str, np.ndarray], names: Sequence[str], separator: str, ragged: int
) -> tuple[Flag, ...]:
    """Withdraw the last number of a line without line end, unless its layout shows that it is whole."""
    lines = body.splitlines()
    cells = split_cells(lines[-1], separator)
    rows = next(iter(columns.values())).size
    if ragged and len(cells) < len([*names]):
        return (ReaderFlag.CUT_FILE.flag(where="a line", kept=rows),)
    before = split_cells(lines[-2], separator) if len(lines) > 1 else []
    if len(before) == len(cells) and ((cells[-1:] == before[-1:] and cells[-1].isdigit()) or _is_whole(cells, before)):
        return ()
    if not cells or len(cells) > len(names) or names[len(cells) - 1] not in columns:
        return ()
    columns[names[len(cells) - 1]][-1] = np.nan
    return (ReaderFlag.LAST_NUMBER_DOUBTFUL.flag(column=names[len(cells) - 1]),)


def _is_whole(cells: Sequence[str], before: Sequence[str]) -> bool:
    """Whether a row's last number has the layout of the one above it, up to the last digit of its exponent."""
    layout, above = (re.sub(r"\d", "0", row[-1].lstrip("+-")) for row in (cells, before))
    return layout == above and bool(re.search(r"[eE][+-]000$", layout))


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
