"""The words of a sample sheet that decide what may be concluded: electrodes, interlayer, material class, configuration.

A word that is not known is refused with the list of those that are: it would be lost otherwise.
"""

from __future__ import annotations

import re
import unicodedata

from rampion.errors import InputError
from rampion.measurement import ElectrodeMaterial, ElectrodePair, Interlayer, InterlayerKind, MaterialClass

_ALLOYING = ("mg", "al", "sn", "ag", "au", "si", "zn", "ga", "ge", "sb", "bi", "na", "ca", "pb")
_BLOCKING = (
    "blocking", "ion blocking", "au", "gold", "pt", "platinum", "ni", "nickel", "ti", "titanium", "mo", "molybdenum",
    "w", "tungsten", "steel", "stainless steel", "ss", "c", "carbon",
)  # fmt: skip
_ELECTRODES = (
    dict.fromkeys(("li", "lithium"), ElectrodeMaterial.LITHIUM)
    | dict.fromkeys(
        ("in-li", "li-in", "inli", "liin", "indium-lithium", "lithium-indium"), ElectrodeMaterial.INDIUM_LITHIUM
    )
    | dict.fromkeys(("alloy", "li-alloy", "li alloy", "lithium alloy", "lithium-alloy"), ElectrodeMaterial.ALLOY)
    | {name: ElectrodeMaterial.ALLOY for metal in _ALLOYING for name in (f"li-{metal}", f"{metal}-li", f"li{metal}")}
    | dict.fromkeys(("cu", "copper"), ElectrodeMaterial.COPPER)
    | dict.fromkeys(_BLOCKING, ElectrodeMaterial.BLOCKING)
)
_ELECTRODE_EXAMPLES = "Li, In-Li, alloy, Li-Mg, Cu, blocking, Au, Pt, steel, carbon, or a pair such as 'Li | Cu'"
_BETWEEN = re.compile(r"\s*(?:\|\|?|‖|∥|∣|│|/|\bvs\b\.?)\s*")
_ATTRIBUTES = re.compile(
    r"\d+(?:[.,]\d+)?\s*(?:nm|µm|μm|um|mm)\b|"
    r"\b(?:foils?|metals?|electrodes?|sputtered|evaporated|thin|films?|symmetric(?:al)?|cells?|both sides)\b"
)

_INTERLAYERS = (  # in the order of asking: a polymer gel is a gel, gold on a polymer is the polymer's
    (InterlayerKind.GEL, r"gels?|hydrogel|gpe|ionic liquid|liquid electrolyte"),
    (InterlayerKind.POLYMER, r"polymers?|peo|peg|pegda|pegdme|pvdf(?:-hfp)?|pan|pmma|ppc|pcl|spe|polyethylene oxide"),
    (InterlayerKind.METAL, r"metals?|au|gold|ag|silver|al|alumini?um|si|silicon|ge|germanium|sn|tin|zn|zinc|in|indium|"
     r"mg|magnesium|bi|bismuth|sb|antimony|ga|pt|platinum|cu|copper|ni|ti|w|li-[a-z]{2}|alloy"),
)  # fmt: skip

_CLASSES = {
    MaterialClass.GARNET: "garnet llzo llzto llzno",
    MaterialClass.NASICON: "nasicon latp lagp",
    MaterialClass.PEROVSKITE: "perovskite llto",
    MaterialClass.SULFIDE: "sulfide sulphide thiophosphate lps lgps",
    MaterialClass.ARGYRODITE: "argyrodite lpscl",
    MaterialClass.HALIDE: "halide lyc lic",
    MaterialClass.LIPON: "lipon",
    MaterialClass.POLYMER: "polymer peo",
    MaterialClass.OTHER: "other",
}
_CLASS_OF = {word: material for material, words in _CLASSES.items() for word in words.split()}
_CONFIGURATION = re.compile(r"^(?P<count>two|2|three|3)[\s-]*electrodes?(?:\s+(?:cell|setup|set-up))?$")
_COUNTS = {"two": "two-electrode", "2": "two-electrode", "three": "three-electrode", "3": "three-electrode"}


def parse_electrodes(text: str) -> ElectrodePair:
    """Both electrodes: one word for equal ones, ``working | counter`` else; a ceramic named between them is skipped.

    Raises
    ------
    InputError
        When a word is not known.
    """
    sides = [_ATTRIBUTES.sub(" ", side).strip(" ,;()-") for side in _BETWEEN.split(_plain(text))]
    sides = [" ".join(side.split()) for side in sides if side]
    if not 1 <= len(sides) <= 3:
        raise InputError(f"{text!r} names no electrodes; expected {_ELECTRODE_EXAMPLES}.")
    found = [_ELECTRODES.get(side) for side in (sides[0], sides[-1])]
    if found[0] is None or found[1] is None:
        wrong = sides[0] if found[0] is None else sides[-1]
        if wrong in ("in", "indium"):
            raise InputError(f"{text!r}: write In-Li where the indium holds lithium, blocking where it holds none.")
        raise InputError(f"{text!r} names no electrode that is known ({wrong}); expected {_ELECTRODE_EXAMPLES}.")
    return ElectrodePair(found[0], found[1])


def parse_configuration(text: str) -> str | None:
    """'two-electrode' or 'three-electrode'; ``None`` for text that says neither."""
    match = _CONFIGURATION.match(_plain(text))
    return _COUNTS[match["count"]] if match else None


def parse_interlayer(text: str) -> Interlayer | None:
    """The layer and its kind by the words in its name (``Au 20 nm`` is metal); ``None`` for 'none' and 'no'."""
    plain = _plain(text)
    if plain in ("none", "no", "without"):
        return None
    for kind, words in _INTERLAYERS:
        if re.search(rf"(?<![a-z0-9])(?:{words})(?![a-z0-9])", plain):
            return Interlayer(kind, text)
    return Interlayer(InterlayerKind.OTHER, text)


def parse_material_class(text: str) -> MaterialClass:
    """The class by its name or by the short name of a material in it.

    Raises
    ------
    InputError
        When the word is not known.
    """
    found = _CLASS_OF.get(_plain(text).removesuffix("-type").removesuffix(" type"))
    if found is None:
        names = ", ".join(each.value for each in MaterialClass)
        raise InputError(f"{text!r} is no class of electrolytes that is known; expected one of {names}.")
    return found


def parse_faces(text: str) -> int:
    """1 or 2 plating faces.

    Raises
    ------
    InputError
        When it is another number, or none.
    """
    found = {"1": 1, "1.0": 1, "one": 1, "2": 2, "2.0": 2, "two": 2, "both": 2}.get(_plain(text))
    if found is None:
        raise InputError(f"{text!r} is no number of plating faces; expected 1 (one-way sweep) or 2 (current reversed).")
    return found


def _plain(text: str) -> str:
    text = re.sub(r"[\u2010-\u2015\u2212]", "-", unicodedata.normalize("NFKC", text)).casefold()
    return " ".join(text.split())
