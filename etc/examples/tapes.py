#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tapes.py -- a store of kind "command", as an example: archives in DIRECTORY/NIGHT/KIND-KEY.tar.

    { name = "tapes"; kind = "command"; role = "copies"; subjects = [ "workspace" ];
      command = [ "/usr/local/lib/expunge/tapes.py", "/srv/tapes" ]; timeout = "10 minutes"; }

expunge runs it as "tapes.py DIRECTORY VERB".  For list, purge and verify, stdin has one JSON object in a line for each
disposal:

    {"database":"eu","erased_at":"2026-01-31T02:14:07Z","id":"eu-17","key":"42","kind":"workspace"}

list and verify answer with one line for each of them, in any order; purge only for those that it could not purge:

    {"id":"eu-17","state":"present","items":3,"detail":"three nights"}     state: gone, present, dated
    {"id":"eu-18","state":"dated","items":1,"until":"2026-03-01T00:00:00Z"}
    {"id":"eu-17","problem":"the tape is write-protected"}

Exit status 0: what was said is the whole truth.  75: busy, ask again later.  Anything else: failed, nothing is believed;
the last line of stderr is told (without keys).  Say "gone" only when you have looked everywhere.
"""
import json
import os
import sys


def archives(directory, case):
    """Every archive of this subject.  Names are compared as a whole: "4" is no part of "42"."""
    name = "%s-%s.tar" % (case["kind"], case["key"])
    nights = sorted(os.listdir(directory))  # raises when the directory is not there: never an empty answer
    return [os.path.join(directory, night, name) for night in nights
            if os.path.lexists(os.path.join(directory, night, name))]


def tell(case, **answer):
    print(json.dumps({"id": case["id"], **answer}))


def look(directory, case):
    items = len(archives(directory, case))
    tell(case, state="present" if items else "gone", items=items)


def purge(directory, case):
    for path in archives(directory, case):
        try:
            os.remove(path)
            parent = os.open(os.path.dirname(path), os.O_RDONLY)
            os.fsync(parent)
            os.close(parent)
        except OSError as error:
            tell(case, problem="an archive could not be removed: %s" % error.strerror)


def main():
    directory, verb = sys.argv[1:]
    if verb == "check":
        if not os.access(directory, os.W_OK | os.X_OK):
            sys.exit("the directory is not there, or not writable")
        return
    act = {"list": look, "verify": look, "purge": purge}[verb]
    for line in sys.stdin:
        act(directory, json.loads(line))


main()
