#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""run.py -- random schemas and histories against a reference model.

  tests/property/run.py --seed N            one seed again; what it was stays in build/property/N
  tests/property/run.py --seeds 1-70        these seeds
  tests/property/run.py --fresh 30          as many new ones; --base N says from where

Each seed is one of:
  erased     archived, erased, and everything is as the model says
  foretold   the model says that it must be refused; it was, and nothing was changed
  allowed    the model says that it may be refused; it was, and nothing was changed
  FAILED     anything else.  A refusal for which the model sees no reason, or another one than the message tells, is a
             failure, too, and so is a plain tree refused.

Uses EXPUNGE_TEST_CONNINFO, or starts a throwaway cluster.  EXPUNGE and EXPUNGE_FAULTY: the programs.
The last line: "seeds N erased N foretold N allowed N failed N".  Exit status 1 when a seed failed."""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import queue
import random
import re
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import cases  # noqa: E402
import emit  # noqa: E402
import lane  # noqa: E402
import pq  # noqa: E402
import trial  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = ROOT / "build" / "property"
PLACE = pathlib.Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else HOME


class Cluster:
    """The throwaway cluster of the test run, or one of our own; in it a database for each lane."""

    def __init__(self, lanes):
        self.conninfo = os.environ.get("EXPUNGE_TEST_CONNINFO")
        self.directory = None
        if not self.conninfo:
            self.directory = ROOT / "build" / "check" / ("cluster-property-%d" % os.getpid())
            said = subprocess.run([str(ROOT / "scripts/cluster.sh"), "start", str(self.directory)], text=True, stdout=subprocess.PIPE,
                                  env={**os.environ, "EXPUNGE_CLUSTER_FAST": "1"}, check=True).stdout
            self.conninfo = said.strip().splitlines()[-1] + " user=postgres"
        self.lanes = [lane.Lane(self.conninfo, number, PLACE) for number in range(lanes)]
        self.free = queue.SimpleQueue()
        for one_lane in self.lanes:
            self.free.put(one_lane)

    def close(self):
        for one_lane in self.lanes:
            one_lane.close()
        if self.directory:
            subprocess.run([str(ROOT / "scripts/cluster.sh"), "destroy", str(self.directory)], stdout=subprocess.DEVNULL, check=False)


def one(cluster, seed):
    case = cases.Case(seed)
    mine = cluster.free.get()
    attempt = trial.Trial(case, mine, PLACE / ("expunge-property-%d-%d" % (os.getpid(), seed)), ROOT)
    try:
        attempt.go()
    except trial.Wrong as wrong:
        attempt.result = ("FAILED", str(wrong))
    except pq.Failed as failed:
        attempt.result = ("FAILED", "the test's own SQL: %s" % failed)
    except subprocess.TimeoutExpired as late:
        attempt.result = ("FAILED", "did not end: %s" % late)
    except Exception as unexpected:  # one seed never ends the others
        attempt.result = ("FAILED", "the test itself: %s: %s" % (type(unexpected).__name__, unexpected))
    finally:
        if attempt.result[0] == "FAILED":
            keep(attempt, seed)
        attempt.clean()
        cluster.free.put(mine)
    return attempt


def keep(attempt, seed):
    """What a person needs to see what happened."""
    directory = HOME / str(seed)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    (directory / "case.sql").write_text(emit.TEMPLATE + attempt.script())
    (directory / "late.sql").write_text("\n".join(emit.rows_sql(attempt.case, late=True)) + "\n")
    (directory / "model.txt").write_text(attempt.story() + "\n%s %s\n" % attempt.result)
    for name in ("expunge.conf", "commands.txt"):
        if (attempt.work / name).exists():
            shutil.copy(attempt.work / name, directory / name)


def report(seed, attempt, quiet):
    word, why = attempt.result
    if word == "FAILED":
        print("FAILED seed %d: %s" % (seed, why))
        print("       again: tests/property/run.py --seed %d    (build/property/%d has schema, rows, configuration)" % (seed, seed))
    elif not quiet:
        print("%-8s seed %d%s%s" % (word, seed, " plain" if attempt.case.plain else "", ": " + why if why else ""))
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, action="append", default=[])
    parser.add_argument("--seeds", help="FIRST-LAST")
    parser.add_argument("--fresh", type=int, default=0)
    parser.add_argument("--base", type=int, default=None)
    parser.add_argument("--lanes", type=int, default=2)
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args()

    seeds = list(options.seed)
    if options.seeds:
        first, last = options.seeds.split("-")
        seeds += range(int(first), int(last) + 1)
    if options.fresh:
        base = options.base if options.base is not None else random.SystemRandom().randrange(10**6, 10**9)
        print("fresh seeds from %d: --fresh %d --base %d gives them again" % (base, options.fresh, base))
        seeds += range(base, base + options.fresh)
    if not seeds:
        parser.error("no seeds")

    began = time.time()
    os.environ.update(trial.ENVIRONMENT)
    HOME.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(options.lanes)
    counts, reasons = collections.Counter(), collections.Counter()
    try:
        with concurrent.futures.ThreadPoolExecutor(options.lanes) as lanes:
            running = {lanes.submit(one, cluster, seed): seed for seed in seeds}
            for done in concurrent.futures.as_completed(running):
                attempt = done.result()
                counts[attempt.result[0]] += 1
                if attempt.result[0] == "allowed" or attempt.refused:
                    reasons[(attempt.result[0], re.sub(r'"(?:[^"]|"")*"', '"…"', attempt.refused or ""))] += 1
                report(running[done], attempt, options.quiet)
    finally:
        cluster.close()
    for (word, reason), count in sorted(reasons.items()):
        print("refused %3d  %-8s %s" % (count, word, reason[:160]))
    print("seeds %d erased %d foretold %d allowed %d failed %d in %d s" % (
        len(seeds), counts["erased"], counts["foretold"], counts["allowed"], counts["FAILED"], time.time() - began))
    return 1 if counts["FAILED"] else 0


if __name__ == "__main__":
    sys.exit(main())
