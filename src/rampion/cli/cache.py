"""``rampion cache``: where analyses are kept that were made before, and how to forget them."""

from __future__ import annotations

import click


@click.command()
@click.argument("action", type=click.Choice(["show", "clear"]), default="show")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def cache(action: str, as_json: bool) -> None:
    """Show where analyses made before are kept and how much they take; clear removes them all."""
    from rampion.records import to_json
    from rampion.study import cache as kept

    size = kept.clear() if action == "clear" else kept.measure()
    if as_json:
        click.echo(
            to_json(
                {"cleared": action == "clear", "folder": size.folder, "analyses": size.analyses, "bytes": size.bytes}
            )
        )
        return
    shown = f"{size.analyses} analyses, {size.bytes / 1e6:.1f} MB with the compiled simulator, in {size.folder}"
    click.echo(f"Removed {shown}" if action == "clear" else shown)
