"""What of a folder is tried as a measurement: neither rampion's own files nor what cannot be opened."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from rampion.errors import RefusedError
from rampion.readers.folder import plan_folder, read_folder, read_group
from rampion.readers.listing import list_files
from rampion.results_folder import MANIFEST
from written_files import mpt

TIME = np.arange(30.0)
RAMP = mpt({"time/s": TIME, "Ewe/V": 1e-3 * TIME, "<I>/mA": 0.1 * TIME})
TABLE = b"t / s,E / V,I / A\n0,0,0\n1,0.001,1e-6\n2,0.002,2e-6\n"


def fill(folder, **files):
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


def listed(folder):
    return list_files(folder)[0]


@pytest.fixture
def campaign(tmp_path):
    (tmp_path / "S1.mpt").write_bytes(RAMP)
    return tmp_path


PROVENANCE = {"provenance": {"rampion": "0.1.0"}}
RUN = {"verb": "study", "options": {}}
RESULTS = {
    "named in the manifest": {MANIFEST: {**RUN, "files": {"deep/x.csv": "0" * 64}}, "deep/x.csv": TABLE},
    "left from an earlier run": {MANIFEST: {**RUN, "files": {}}, "tables/9_trace.csv": TABLE, "figures/S9.txt": TABLE},
    "a damaged manifest": {MANIFEST: b"{", "tables/x.csv": TABLE},
    "analyse of 0.1.0": {
        "results.json": PROVENANCE, "ro-crate-metadata.json": {}, "datapackage.json": {}, "tables/x.csv": TABLE,
    },
    "analyse of 0.1.0, killed": {"results.json": PROVENANCE, "tables/x.csv": TABLE},
    "study of 0.1.0": {
        "report.json": PROVENANCE, "report.html": b"<html>", "figures/x.csv": TABLE, "results.json": PROVENANCE,
    },
    "simulate of 0.1.0": {"simulation.json": {"by": "rampion"}, "tables/x.csv": TABLE},
    "grid of 0.1.0": {
        "results.json": PROVENANCE, "manifest.json": {"chunks": []},
        "table.csv": b"# synthetic data, computed by rampion: x\n" + TABLE,
    },
}  # fmt: skip


@pytest.mark.parametrize("place", ["", "out/", "out/deeper/"])
@pytest.mark.parametrize("files", list(RESULTS.values()), ids=list(RESULTS))
def test_results_are_never_read_as_measurements(campaign, files, place):
    fill(campaign, **{place + name: content for name, content in files.items()})
    assert listed(campaign) == ["S1.mpt"]


def test_measurements_beside_results_are_read(campaign):
    fill(
        campaign,
        **{
            MANIFEST: {**RUN, "files": {"tables/x.csv": ""}},
            "tables/x.csv": TABLE,
            "raw/S2.csv": TABLE,
            "S3.csv": TABLE,
        },
    )
    assert listed(campaign) == ["raw/S2.csv", "S1.mpt", "S3.csv"]


def test_simulated_instrument_files_are_read_although_a_manifest_names_them(campaign):
    simulated = b"# SYNTHETIC DATA made by rampion\n" + TABLE
    fill(
        campaign,
        **{
            f"demo/{MANIFEST}": {**RUN, "files": {"a.csv": "", "b.csv": ""}},
            "demo/a.csv": simulated,
            "demo/b.csv": TABLE,
        },
    )
    assert listed(campaign) == ["demo/a.csv", "S1.mpt"]


def test_a_folder_of_tables_without_results_is_read(campaign):
    fill(campaign, **{"tables/x.csv": TABLE, "results.json": {"by": "another program"}})
    assert listed(campaign) == ["results.json", "S1.mpt", "tables/x.csv"]


def refusals(campaign):
    return {flag.details[0][1]: flag.message for flag in campaign.flags if flag.code == "file_refused"}


def test_what_cannot_be_opened_is_a_flag_and_takes_nothing_down(campaign):
    (campaign / "gone.mpt").symlink_to(campaign / "nowhere.mpt")
    (campaign / "folder.mpr").mkdir()
    (campaign / "round").symlink_to(campaign)
    os.mkfifo(campaign / "pipe.csv")
    (campaign / "damaged.mpr").write_bytes(b"BIO-LOGIC MODULAR FILE\x1a" + bytes(200))
    (campaign / "S2.csv").write_bytes(TABLE)
    odd = os.fsencode(campaign) + b"/\xff\xfe.csv"
    with open(odd, "wb") as stream:  # noqa: PTH123 (no path of text has this name)
        stream.write(TABLE)
    read = read_folder(campaign)
    assert [one.name for one in read.experiments] == ["S1", "S2"]
    said = refusals(read)
    assert set(said) == {"gone.mpt", "folder.mpr", "pipe.csv", "damaged.mpr", r"\xff\xfe.csv"}
    assert "link to nothing" in said["gone.mpt"]
    assert "is a folder" in said["folder.mpr"]
    json.dumps([flag.message for flag in read.flags], ensure_ascii=False).encode()


def test_a_file_that_goes_or_closes_between_plan_and_reading_is_a_flag(campaign, monkeypatch):
    for name in ("S2.csv", "S3.csv"):
        (campaign / name).write_bytes(TABLE)
    plan = plan_folder(campaign)
    (campaign / "S2.csv").unlink()
    locked = campaign / "S3.csv"
    opened = type(locked).read_bytes
    monkeypatch.setattr(
        type(locked), "read_bytes", lambda path: (_ for _ in ()).throw(PermissionError(13, "Permission denied"))
        if path.name == "S3.csv" else opened(path)
    )  # fmt: skip
    found = [read_group(group) for group in plan.groups]
    assert [one.name for experiments, _ in found for one in experiments] == ["S1"]
    messages = [flag.message for _, flags in found for flag in flags]
    assert any("'S2.csv'" in message and "does not exist" in message for message in messages)
    assert any("'S3.csv'" in message and "Permission denied" in message for message in messages)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to the superuser")
def test_a_closed_folder_is_a_flag(campaign):
    (campaign / "closed").mkdir(mode=0o000)
    assert "closed" in refusals(read_folder(campaign))


def test_a_folder_of_nothing_but_links_to_nothing_says_so(tmp_path):
    (tmp_path / "gone.mpt").symlink_to(tmp_path / "nowhere")
    with pytest.raises(RefusedError, match="link to nothing"):
        read_folder(tmp_path)


def test_a_very_deep_folder_is_read_as_far_as_it_can_be(campaign):
    place = campaign
    for _ in range(12):
        place /= "x" * 200
    place.mkdir(parents=True)
    (place / "S2.csv").write_bytes(TABLE)
    assert [one.name for one in read_folder(campaign).experiments] == ["S1", "S2"]
