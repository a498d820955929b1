"""Draw the example's voltammograms, each with its ohmic line, its event and its verdict (synthetic data).

``python examples/03_draw.py FILE.png`` writes the picture of the README.
"""

import sys
from pathlib import Path

import rampion
from rampion.figures.style import mark_synthetic, new_figure
from rampion.figures.voltammogram import draw_on

analysis = rampion.analyse(Path(__file__).parent / "data")
figure, axes = new_figure(9.6, 6.6, rows=2, columns=2)
for axis, finding in zip(axes, analysis.findings, strict=True):
    draw_on(axis, finding)
    axis.set_title(finding.sample, fontsize=9, loc="left")
    mark_synthetic(axis)
if len(sys.argv) > 1:
    figure.savefig(sys.argv[1], dpi=110)
