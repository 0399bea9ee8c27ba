#!/usr/bin/python3
"""Profiles as files: what is printed is what runs, what differs is refused where a fleet is kept."""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from programs import expect, expect_equal, main  # noqa: E402

SHORT = ("--stations", "3", "--days", "0.5", "--speed", "max", "--seed", "7", "--threads", "1")


def printed(lab, *arguments):
    result = lab.run("cubby-emulator", *arguments, "--print-profile")
    expect_equal(result.returncode, 0, f"--print-profile: {result.stderr}; exit code")
    return result.stdout


def trace_hash(lab, *arguments, code=0):
    result = lab.run("cubby-emulator", *arguments, *SHORT)
    expect_equal(result.returncode, code, f"{' '.join(arguments)}: {result.stderr.strip()}; exit code")
    return re.search(r"trace hash +([0-9a-f]{16})", result.stdout).group(1) if code == 0 else result.stderr


def what_is_printed_runs_the_same(lab):
    for name in ("shanxi", "erlang"):
        file = lab.folder / f"copy-of-{name}.toml"
        file.write_text(printed(lab, "--profile", name))
        expect_equal(trace_hash(lab, "--profile", str(file)), trace_hash(lab, "--profile", name), f"the hash of {name}")
    settings = ("--set", "burst_min=2", "--set", "dwell=constant", "--set", "rounds=[{from_h = 8, to_h = 9}]")
    file = lab.folder / "mine.toml"
    file.write_text('base = "shanxi"\nburst_min = 2\ndwell = "constant"\nrounds = [{from_h = 8, to_h = 9}]\n')
    expect_equal(printed(lab, *settings).splitlines()[1:], printed(lab, "--profile", str(file)).splitlines()[1:], "the keys in force")
    expect_equal(trace_hash(lab, *settings), trace_hash(lab, "--profile", str(file)), "the hash with settings")
    expect(trace_hash(lab, *settings) != trace_hash(lab, "--profile", "shanxi"), "settings change nothing")


def a_kept_fleet_keeps_its_profile(lab):
    file = lab.folder / "kept.toml"
    file.write_text('base = "shanxi"\nmistype_per_million = 30000\n')
    state = ("--state", str(lab.folder / "state"))
    trace_hash(lab, "--profile", str(file), *state)
    refused = trace_hash(lab, "--profile", str(file), "--set", "mistype_per_million=30001", *state, code=2)
    expect("profile_identity" in refused, f"refused for another reason: {refused}")
    trace_hash(lab, "--profile", str(file), "--set", "mistype_per_million=30000", *state)


def run(lab):
    what_is_printed_runs_the_same(lab)
    a_kept_fleet_keeps_its_profile(lab)


main("profiles", run)
