"""Speed and success of the validity methods on constructed (synthetic) spectra, and every real spectrum.

    python benchmarks/validity.py                              constructed spectra
    python benchmarks/validity.py --real ../shared/data/real   verdicts for the real files, as a Markdown table

The peers on the same kind of spectra: ``benchmarks/impedance_peers.py``.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
SIGNIFICANCE = 0.002  # of the verdict: the false alarms that rampion's test allows itself
STRICT = 1e-4  # of |Z|: for an instrument without deviations of its own
POWER = 0.95  # of the most powerful test at that rate, from which on a drift counts as visible


def timed(function: Callable, items: list) -> tuple[list, np.ndarray]:
    """The results and the seconds of processor time of each."""
    function(items[0])
    results, spent = [], []
    for item in items:
        start = time.process_time()
        results.append(function(item))
        spent.append(time.process_time() - start)
    return results, np.array(spent)


def largest_share_right(separations: np.ndarray, steady: int) -> tuple[float, float]:
    """The largest share of right verdicts of any test with one false-alarm rate for every steady cell, and that rate.

    ``separations`` of the drifting spectra; ``steady`` is the number of the others.

    The test that knows the very drift it is looking for (a matched filter, the most powerful one by Neyman and
    Pearson) finds it with power Φ(d - z), d its distance from the nearest steady cell in standard deviations.
    """
    from scipy.stats import norm

    rates = np.geomspace(1e-4, 0.2, 400)
    caught = norm.sf(norm.isf(rates)[:, None] - separations).sum(axis=1)
    right = (steady * (1 - rates) + caught) / (steady + separations.size)
    best = int(np.argmax(right))
    return float(right[best]), float(rates[best])


def kramers_kronig(count: int, seed: int) -> None:
    """Verdicts on valid and drifting spectra, beside what the most powerful test of the relations could tell.

    Visible: the matched filter, which knows the very drift, finds it with a probability of at least 95 % at the
    false alarms that rampion's test allows itself (0.2 %): its distance d from the nearest steady cell, in standard
    deviations of the noise, is at least z(0.2 %) + z(5 %) = 4.52.
    """
    from constructed_spectra import construct, distance_from_relations
    from scipy.stats import norm

    from rampion.impedance.kramers_kronig import check_kramers_kronig
    from rampion.measurement import Spectrum

    rng = np.random.default_rng(seed)
    made = [construct(rng, drifting=bool(i % 2)) for i in range(2 * count)]
    valid = np.array([i % 2 == 0 for i in range(2 * count)])
    spectra = [Spectrum(frequency=m.frequency, impedance=m.impedance, synthetic=True) for m in made]
    found, spent = timed(check_kramers_kronig, spectra)
    right = np.array([bool(f.valid) for f in found]) == valid
    trace = np.array([distance_from_relations(m.frequency, m.exact) / m.noise for m in made])
    distance = trace * np.sqrt([2 * m.frequency.size for m in made])
    limit = norm.isf(SIGNIFICANCE) + norm.isf(1 - POWER)
    visible = ~valid & (distance >= limit)
    print(f"Kramers–Kronig, {count} valid and {count} drifting spectra (synthetic, seed {seed})")
    print(f"ms, median (largest): {1e3 * np.median(spent):.1f} ({1e3 * spent.max():.1f})\n")
    print("| set | spectra | rampion right | most that any test can be right |\n|---|---|---|---|")
    print(f"| valid | {count} | {right[valid].mean():.1%} | |")
    print(f"| visible drifts (d ≥ {limit:.2f}) | {visible.sum()} | {right[visible].mean():.1%} | |")
    for words, drifts in (("valid and visible", visible), ("valid and drifting, all", ~valid)):
        bound, rate = largest_share_right(distance[drifts], count)
        kept = valid | drifts
        print(f"| {words} | {kept.sum()} | {right[kept].mean():.1%} | {bound:.1%} (at {rate:.1%} false alarms) |")
    power = norm.sf(norm.isf(SIGNIFICANCE) - distance[~valid]).mean()
    print(f"| drifts, all | {count} | {right[~valid].mean():.1%} | {power:.1%} at {SIGNIFICANCE:.1%} false alarms |")
    strict = np.array([bool(check_kramers_kronig(s, tolerance=STRICT).valid) for s in spectra]) == valid
    words = f"valid and drifting, all, with a tolerance of {STRICT:g} of abs Z instead of 5e-4"
    print(f"| {words} | {2 * count} | {strict.mean():.1%} (valid {strict[valid].mean():.1%}) | |")
    print("\nCaught by distance d of the exact drifting spectrum from the nearest steady cell:")
    print("| d | drifts | caught | matched filter at 0.2 % false alarms |\n|---|---|---|---|")
    for low, high in ((0, 1), (1, 2), (2, limit), (limit, 6), (6, 8), (8, 12), (12, 20), (20, np.inf)):
        inside = ~valid & (distance >= low) & (distance < high)
        if inside.any():
            power = norm.sf(norm.isf(SIGNIFICANCE) - distance[inside]).mean()
            print(f"| {low:.2g}–{high:.2g} | {inside.sum()} | {right[inside].mean():.0%} | {power:.0%} |")


def relaxation_times(count: int) -> None:
    """Polarisation resistance, its flag and its interval."""
    from test_relaxation_times import arcs

    from rampion.impedance.relaxation_times import find_relaxation_times

    print(f"\nRelaxation times, {count} synthetic spectra of 1–3 arcs each, noise 0.05–1 %")
    print(
        "| arcs lie | ms, median (largest) | unflagged | of these within 2 % | of these covered by 95 % | "
        "flagged among > 5 % wrong |"
    )
    print("|---|---|---|---|---|---|")
    for margin, words in ((1.5, "1.5 decades inside"), (0.0, "inside"), (-0.5, "up to half a decade outside")):
        rng = np.random.default_rng(20262)
        cases = [arcs(rng, margin) for _ in range(count)]
        found, spent = timed(lambda case: find_relaxation_times(case[0]), cases)
        true = np.array([total for _, total in cases])
        error = np.array([f.polarisation.value for f in found]) / true - 1
        kept = np.array([not f.flags for f in found])
        covered = np.array([f.polarisation.low <= t <= f.polarisation.high for f, t in zip(found, true, strict=True)])
        wrong = np.abs(error) > 0.05
        caught = f"{np.mean(~kept[wrong]):.0%} of {wrong.sum()}" if wrong.any() else "none wrong"
        print(
            f"| {words} | {1e3 * np.median(spent):.0f} ({1e3 * spent.max():.0f}) | {kept.mean():.0%} | "
            f"{np.mean(np.abs(error[kept]) < 0.02):.1%} | {covered[kept].mean():.1%} | {caught} |"
        )


def recovery(count: int) -> None:
    """Coverage of the final recovered fraction."""
    from test_recovery import LAWS, cell

    print(f"\nRecovery, {count} synthetic tracks of 20 spectra over 4 h for each law")
    print(
        "| law | ms | 95 % interval of the final fraction covers | of the last fraction | "
        "true law's weight, mean (least) |"
    )
    print("|---|---|---|---|---|")
    for law in LAWS:
        rng = np.random.default_rng(20263)
        start = time.process_time()
        runs = [cell(rng, law, final) for final in (100.0, 150.0) for _ in range(count // 2)]
        spent = (time.process_time() - start) / len(runs)
        final = np.mean([r.final_fraction.low <= true <= r.final_fraction.high for r, true, _ in runs])
        last = np.mean([r.fraction.low <= true <= r.fraction.high for r, _, true in runs])
        weight = np.array([{f.kinetics: f.weight for f in r.kinetics}[law] for r, _, _ in runs])
        print(
            f"| {law.value} | {1e3 * spent:.0f} | {final:.1%} | {last:.1%} | {weight.mean():.2f} ({weight.min():.3f}) |"
        )


def real(folder: Path) -> None:
    """One row for each real file with spectra."""
    from rampion.errors import RampionError
    from rampion.impedance.kramers_kronig import check_kramers_kronig
    from rampion.readers import read_file

    words = {True: "valid", False: "violated", None: "too few points"}
    print("\n| file | spectra | points | verdict | residual rms | noise | violation |\n|---|---|---|---|---|---|---|")
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        try:
            spectra = read_file(path).spectra
        except RampionError:
            continue
        if not spectra:
            continue
        found = [check_kramers_kronig(spectrum) for spectrum in spectra]
        counts = {word: sum(f.valid is value for f in found) for value, word in words.items()}
        verdict = ", ".join(f"{number} {word}" if len(found) > 1 else word for word, number in counts.items() if number)

        def span(name: str, found: list = found) -> str:
            values = np.array([getattr(f, name) for f in found])
            values = values[np.isfinite(values)]
            if not values.size:
                return "–"
            return f"{100 * np.median(values):.2g} %"

        sizes = sorted({len(s) for s in spectra})
        points = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]}–{sizes[-1]}"
        name = path.relative_to(folder).as_posix()
        print(
            f"| {name} | {len(found)} | {points} | {verdict} | "
            f"{span('residual_rms')} | {span('noise')} | {span('violation')} |"
        )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, help="folder of real instrument files")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20261, help="of the valid and drifting spectra")
    parser.add_argument("--only", default="kramers_kronig,relaxation_times,recovery", help="which, by commas")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    sys.path.insert(0, str(ROOT / "tests" / "impedance"))
    wanted = options.only.split(",")
    if "kramers_kronig" in wanted:
        kramers_kronig(options.count, options.seed)
    if "relaxation_times" in wanted:
        relaxation_times(options.count)
    if "recovery" in wanted:
        recovery(options.count)
    if options.real:
        real(options.real)


if __name__ == "__main__":
    main()
