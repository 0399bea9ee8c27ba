#!/usr/bin/env python3
"""Wakes one defect of the store after the other and expects the tests that it names to catch it. Without one, nothing is found.

usage: canaries_run.py PROGRAM [NAME...]
"""

import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "mutants"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from canaries import MUTANTS  # noqa: E402

PATIENCE_S = 300
EXIT_BROKEN = 1


def run(program, name, tests):
    environment = {key: value for key, value in os.environ.items() if key not in ("CUBBY_MUTANT", "CUBBY_THOROUGH", "CUBBY_NIGHTLY")}
    environment.update({"CUBBY_MUTANT": name} if name else {})
    command = [program, "--gtest_brief=1", "--gtest_fail_fast", f"--gtest_filter={tests}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    return done.returncode, done.stdout


def main():
    program, names = sys.argv[1], sys.argv[2:]
    code, output = run(program, "", "StoreFaults.*")
    if code != 0:
        print(output)
        print("canaries: without a defect, nothing may be found")
        return 1
    survivors = 0
    chosen = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    for mutant in chosen:
        code, output = run(program, mutant.name, mutant.test)
        first = re.search(r"FAILED: (.*)", output)
        if code == EXIT_BROKEN and first:
            print(f"caught    {mutant.name}: {first.group(1)}", flush=True)
        else:
            survivors += 1
            print(f"SURVIVES  {mutant.name}: exit code {code}", flush=True)
    print(f"canaries: {len(chosen)}, {survivors} survive")
    return 1 if survivors or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
