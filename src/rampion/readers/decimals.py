"""The decimal mark of a file, decided from its numbers alone, and single numbers read without guessing.

A number proves its mark when that mark cannot group thousands in it. What could be read two ways is not read.
"""

from __future__ import annotations

import re
from collections import Counter

from rampion.errors import RefusedError

_SAMPLE = 1 << 16
_MISSING = {"", "-", "--", "---", "nan", "n/a", "#n/a", "na", "none", "null", "inf", "-inf", "+inf", "xxx"}
NUMBER = re.compile(r"(?<![\w.,:/])[+-]?(?:\d[\d.,]*|[.,]\d+)(?:[eE][+-]?\d+)?(?![\w.,:/])")
_EXPONENT = re.compile(r"[eE][+-]?\d+$")


def is_missing(token: str) -> bool:
    """Whether a cell says that nothing was recorded."""
    return token.strip().lower() in _MISSING


def decimal_mark(text: str, begin: int = 0, end: int | None = None) -> str:
    """The decimal mark of ``text[begin:end]``, decided from all its numbers: ``"."`` or ``","``.

    A number proves its mark when the mark cannot group thousands: fewer or more than three digits follow it, a lone
    zero or nothing stands before it, an exponent follows, or the other mark stands before it. The mark with more
    proofs wins; without any proof, a point is a decimal point.

    Raises
    ------
    RefusedError
        When the only marks are commas and every number could be read as 1,234 = 1234 and as 1,234 = 1.234.
    """
    if text.find(",", begin, end) < 0:
        return "."
    text = text[begin:end]
    sample = text if len(text) <= 3 * _SAMPLE else text[:_SAMPLE] + "\n" + text[-_SAMPLE:]
    proofs = _count_proofs(sample)
    if not (proofs["."] or proofs[","]) and sample is not text:
        proofs = _count_proofs(text)
    if proofs["."] or proofs[","]:
        return "," if proofs[","] > proofs["."] else "."
    if proofs["ambiguous"]:
        raise RefusedError(
            "Every number with a comma in this table could be read with a decimal comma or with thousands separators "
            "(1,234); export it again with decimal points or with more digits."
        )
    return "."


def _count_proofs(text: str) -> Counter[str]:
    proofs: Counter[str] = Counter()
    for token in NUMBER.findall(text):
        if "," in token or "." in token:
            proofs[proof_of(token)] += 1
    return proofs


def proof_of(token: str) -> str:
    """The decimal mark that a number proves, ``"ambiguous"``, ``"grouped,"``/``"grouped."``, or ``"none"``."""
    digits = _EXPONENT.sub("", token).lstrip("+-")
    scientific = len(digits) < len(token.lstrip("+-"))
    commas, points = digits.count(","), digits.count(".")
    if commas and points:
        mark, other = (",", ".") if digits.rindex(",") > digits.rindex(".") else (".", ",")
        whole, _, _ = digits.partition(mark)
        return mark if digits.count(mark) == 1 and _is_grouped(whole, other) else "none"
    mark, count = (",", commas) if commas else (".", points)
    if count > 1:
        return f"grouped{mark}" if _is_grouped(digits, mark) else "none"
    if scientific or not _is_grouped(digits, mark):
        return mark
    # A point is taken for a decimal point unless something else proves the contrary.
    return "ambiguous" if mark == "," else "point"


def _is_grouped(digits: str, separator: str) -> bool:
    first, *rest = digits.split(separator)
    return 1 <= len(first) <= 3 and first[0] != "0" and bool(rest) and all(len(part) == 3 for part in rest)


def read_number(token: str, mark: str = ".", *, strict: bool = False) -> float:
    """One number written with this decimal mark, or with the other where nothing else is possible; else NaN.

    ``strict`` gives NaN also for a number with this mark that could be one with grouped thousands.
    """
    token = token.strip().strip("\"'").replace("\N{MINUS SIGN}", "-").replace(" ", "")
    if not NUMBER.fullmatch(token):
        return float("nan")
    other = "," if mark == "." else "."
    if "," in token or "." in token:
        proof = proof_of(token)
        if proof in (",", "."):
            mark, other = proof, "," if proof == "." else "."
        elif proof != f"grouped{other}" and (strict or mark not in token or proof not in ("ambiguous", "point")):
            return float("nan")
    return float(token.replace(other, "").replace(mark, "."))
