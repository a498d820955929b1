"""The shell's face: ``rampion VERB ...``. People's units in, sentences and SI JSON out; no science here.

Exit codes: 0 done, 1 unexpected, 2 usage, 3 input not as expected, 4 refused, 5 not converged, 130 interrupted.
Nothing heavy is imported before a verb runs, so that ``rampion --help`` is instant.
"""

from __future__ import annotations

import json
import os
import sys

import click

from rampion import __version__
from rampion.cli.analyse import analyse, inspect, template
from rampion.cli.cache import cache
from rampion.cli.grid import grid
from rampion.cli.simulate import simulate
from rampion.cli.study import demo, report, reproduce, study
from rampion.errors import RampionError


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Every verb takes --json (one JSON object, SI units) and --debug (traceback of an error).",
)
@click.version_option(__version__, prog_name="rampion")
def cli() -> None:
    """rampion: does lithium penetrate this ceramic, or does the current reach a limit?"""


for verb in (inspect, analyse, template, simulate, study, demo, report, reproduce, cache):
    cli.add_command(verb)
simulate.add_command(grid)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors become one sentence and an exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        code = cli.main(words, prog_name="rampion", standalone_mode=False)  # a verb's Exit comes back as its code
        sys.stdout.flush()
        if code:
            sys.exit(code)
    except click.UsageError as wrong:
        wrong.show()
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if debug:
            raise
        known = isinstance(error, RampionError)
        sentence = str(error) if known else f"Unexpected: {error or type(error).__name__}. Run again with --debug."
        if "--json" in words:
            click.echo(json.dumps({"error": {"kind": type(error).__name__, "message": sentence}}, ensure_ascii=False))
        click.echo(f"rampion: {sentence}", err=True)
        sys.exit(error.exit_code if isinstance(error, RampionError) else 1)
