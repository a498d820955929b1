"""Faults of structure in every format rampion reads: how many end in the truth, a flag, a sentence, or a fault.

    python benchmarks/fuzz.py [--count 20000] [--real 6] [--seed 1] [--table] [--keep FOLDER]

Seeds are files of known numbers written here (rampion's own writers and those of the tests), real instrument files
where they are (RAMPION_TEST_DATA), sample sheets, overrides, circuits. ``--table`` prints the table of
docs/robustness.md, ``--keep`` writes up to three files of every kind of fault into a folder.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "fuzz")]

from structure_judge import FAULTS, Outcome, Verdict, guarded, judge  # noqa: E402
from structure_mutants import Mutant, draw  # noqa: E402
from structure_seeds import own_seeds, real_seeds  # noqa: E402
from structure_words import WRITTEN  # noqa: E402

from rampion.readers.detect import read_file  # noqa: E402

COLUMNS = (Outcome.TRUE, Outcome.PART, Outcome.FLAGGED, Outcome.REFUSED, Outcome.UNJUDGED, *FAULTS)
OF_WRITINGS = 0.15  # share of the mutants that are sheets, overrides and circuits


def print_table(counts: dict[str, Counter]) -> None:
    """Markdown: a row for each format, a column for each outcome."""
    heads = ["", *(one.value for one in COLUMNS)]
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    whole: Counter = Counter()
    for title in sorted(counts):
        print(f"| {title} | " + " | ".join(str(counts[title][one]) for one in COLUMNS) + " |")
        whole += counts[title]
    print("| **all** | " + " | ".join(f"**{whole[one]}**" for one in COLUMNS) + " |")


def main() -> None:
    """Draw, read, judge, count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--real", type=int, default=6, help="real files of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    counts: dict[str, Counter] = defaultdict(Counter)
    faults: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    begun = time.monotonic()

    def note(title: str, mutant: Mutant, verdict: Verdict) -> None:
        counts[title][verdict.outcome] += 1
        if verdict.outcome in FAULTS:
            found = faults[verdict.outcome.value, title, mutant.fault]
            found.append(f"{mutant.name}: {verdict.words}")
            if options.keep and len(found) <= 3:
                options.keep.mkdir(parents=True, exist_ok=True)
                label = re.sub(r"\W+", "-", f"{verdict.outcome.name} {title} {mutant.fault} {len(found)}")
                (options.keep / f"{label}_{mutant.name}").write_bytes(mutant.content)

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        seeds = []
        for real, seed in [*((False, one) for one in own_seeds()), *((True, one) for one in real_seeds(options.real))]:
            (folder / seed.name).write_bytes(seed.content)
            sound, refusal = guarded(lambda path=folder / seed.name: read_file(path))
            if refusal is None:
                seeds.append((f"{seed.title}, real" if real else seed.title, seed, sound))
        for number in range(int(options.count * (1 - OF_WRITINGS))):
            title, seed, sound = seeds[number % len(seeds)]
            mutant = draw(rng, seed)
            note(title, mutant, judge(mutant, sound, folder))
        kinds = list(WRITTEN)
        for number in range(int(options.count * OF_WRITINGS)):
            kind = kinds[number % len(kinds)]
            draw_one, judge_one = WRITTEN[kind]
            mutant = draw_one(rng)
            note(kind, mutant, judge_one(mutant, folder))
    if options.table:
        print_table(counts)
    for (outcome, title, fault), found in sorted(faults.items()):
        print(f"{len(found):5d} {outcome} | {title} | {fault} | {found[0][:200]}")
    total = sum(sum(one.values()) for one in counts.values())
    seconds, wrong = time.monotonic() - begun, sum(map(len, faults.values()))
    print(
        f"{total} mutants of {len(seeds)} files and {len(WRITTEN)} kinds of writing in {seconds:.0f} s, {wrong} faults"
    )


if __name__ == "__main__":
    main()
