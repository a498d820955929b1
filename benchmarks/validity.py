"""Speed and success of the validity methods on constructed (synthetic) spectra, beside peers, and every real spectrum.

    python benchmarks/validity.py                         rampion alone
    python benchmarks/validity.py --peers A/bin/python B/bin/python   also impedance.py and pyimpspec 5 found there
    python benchmarks/validity.py --real ../shared/data/real   verdicts for the real files, as a Markdown table

A peer gives residuals, no verdict: it is scored with the threshold on its rms residual that suits this very set best.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
PEER_CODE = """
import json, sys, time, warnings
import numpy as np
warnings.simplefilter("ignore")
spectra, few = json.load(open(sys.argv[1])), int(sys.argv[2])
out = {}
def run(name, function, count):
    rows = []
    for s in spectra[:count]:
        f, z = np.array(s["f"]), np.array(s["re"]) + 1j * np.array(s["im"])
        start = time.process_time()
        try:
            rms = float(function(f, z))
        except Exception:
            rms = float("nan")
        rows.append([time.process_time() - start, rms])
    out[name] = rows
try:
    from impedance.validation import linKK
    def imp(f, z):
        _, _, _, real, imag = linKK(f, z, c=0.85, max_M=50, fit_type="complex", add_cap=True)
        return np.sqrt(np.mean(real**2 + imag**2) / 2)
    run("impedance.py linKK", imp, len(spectra))
except ImportError:
    pass
try:
    from pyimpspec import DataSet, perform_kramers_kronig_test
    def pyi(f, z):
        order = np.argsort(f)[::-1]
        result = perform_kramers_kronig_test(DataSet(f[order], z[order]), num_procs=1)
        return np.sqrt(np.mean(np.abs(result.get_impedances() - z[order])**2 / np.abs(z[order])**2) / 2)
    run("pyimpspec", pyi, few)
except ImportError:
    pass
json.dump(out, open(sys.argv[3], "w"))
"""


def timed(function: Callable, items: list) -> tuple[list, np.ndarray]:
    """The results and the seconds of processor time of each."""
    function(items[0])
    results, spent = [], []
    for item in items:
        start = time.process_time()
        results.append(function(item))
        spent.append(time.process_time() - start)
    return results, np.array(spent)


def best_split(rms: np.ndarray, valid: np.ndarray) -> float:
    """Largest share of right verdicts that any threshold on the rms residual gives; NaN counts as wrong."""
    limits = np.concatenate([np.unique(rms[np.isfinite(rms)]), [np.inf]])
    return max(float(np.mean(((rms <= limit) == valid) & np.isfinite(rms))) for limit in limits)


def largest_share_right(separations: np.ndarray) -> tuple[float, float]:
    """The largest share of right verdicts of any test with one false-alarm rate for every steady cell, and that rate.

    The test that knows the very drift it is looking for (a matched filter, the most powerful one by Neyman and
    Pearson) finds it with power Φ(d - z), d its distance from the nearest steady cell in standard deviations.
    """
    from scipy.stats import norm

    rates = np.geomspace(1e-4, 0.2, 400)
    power = norm.sf(norm.isf(rates)[:, None] - separations).mean(axis=1)
    best = int(np.argmax(1 - rates + power))
    return float((1 - rates[best] + power[best]) / 2), float(rates[best])


def kramers_kronig(peers: list[str], count: int, few: int) -> None:
    """Verdicts on valid and drifting spectra."""
    from constructed_spectra import construct, distance_from_relations
    from scipy.stats import norm

    from rampion.impedance.kramers_kronig import check_kramers_kronig
    from rampion.measurement import Spectrum

    rng = np.random.default_rng(20261)
    made = [construct(rng, drifting=bool(i % 2)) for i in range(2 * count)]
    valid = np.array([i % 2 == 0 for i in range(2 * count)])
    trace = np.array(
        [
            0 if ok else distance_from_relations(m.frequency, m.exact) / m.noise
            for m, ok in zip(made, valid, strict=True)
        ]
    )
    spectra = [Spectrum(frequency=m.frequency, impedance=m.impedance, synthetic=True) for m in made]
    found, spent = timed(check_kramers_kronig, spectra)
    right = np.array([bool(f.valid) for f in found]) == valid
    visible = valid | (trace > 0.5)
    print(f"Kramers–Kronig, {count} valid and {count} drifting spectra (synthetic)")
    print("| tool | ms, median (largest) | right, all | right, visible drifts | valid accepted | drifting caught |")
    print("|---|---|---|---|---|---|")
    print(
        f"| rampion | {1e3 * np.median(spent):.1f} ({1e3 * spent.max():.1f}) | {right.mean():.1%} | "
        f"{right[visible].mean():.1%} | {right[valid].mean():.1%} | {right[~valid].mean():.1%} |"
    )
    separations = np.array([t * np.sqrt(2 * m.frequency.size) for t, m in zip(trace, made, strict=True)])[~valid]
    bound, rate = largest_share_right(separations)
    print(f"\nNo test can be right on more than {bound:.1%} (matched filter that knows each drift, {rate:.1%} false)")
    seen, seen_rate = largest_share_right(separations[visible[~valid]])
    print(f"of the visible drifts {seen:.1%} ({seen_rate:.1%} false)\n")
    for peer in peers:
        with tempfile.TemporaryDirectory() as folder:
            source, result = Path(folder) / "in.json", Path(folder) / "out.json"
            plain = [
                {"f": m.frequency.tolist(), "re": m.impedance.real.tolist(), "im": m.impedance.imag.tolist()}
                for m in made
            ]
            source.write_text(json.dumps(plain))
            subprocess.run([peer, "-c", PEER_CODE, source, str(few), result], check=True, capture_output=True)
            for name, rows in json.loads(result.read_text()).items():
                seconds, rms = np.array(rows).T
                known, seen = valid[: rms.size], visible[: rms.size]
                print(
                    f"| {name}, first {rms.size} | {1e3 * np.median(seconds):.0f} ({1e3 * seconds.max():.0f}) | "
                    f"≤ {best_split(rms, known):.1%} | ≤ {best_split(rms[seen], known[seen]):.1%} | | |"
                )
    print("\nCaught by size of the trace (distance of the exact drifting spectrum from the relations over the noise):")
    print("| trace / noise | spectra | caught | the matched filter at 1 % false |\n|---|---|---|---|")
    for low, high in ((0, 0.1), (0.1, 0.2), (0.2, 0.5), (0.5, 1), (1, 2), (2, np.inf)):
        inside = ~valid & (trace >= low) & (trace < high)
        if inside.any():
            power = norm.sf(norm.isf(0.01) - separations[inside[~valid]]).mean()
            print(f"| {low}–{high} | {inside.sum()} | {right[inside].mean():.0%} | {power:.0%} |")


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
    parser.add_argument("--peers", nargs="*", default=[], help="pythons of environments with impedance or pyimpspec 5")
    parser.add_argument("--real", type=Path, help="folder of real instrument files")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--few", type=int, default=20, help="spectra for slow peers")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    sys.path.insert(0, str(ROOT / "tests" / "impedance"))
    kramers_kronig(options.peers, options.count, options.few)
    relaxation_times(options.count)
    recovery(options.count)
    if options.real:
        real(options.real)


if __name__ == "__main__":
    main()
