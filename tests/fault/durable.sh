#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# durable.sh -- what a COMMIT relies on is on the disk before the COMMIT is sent: the frames of a snapshot and its name before
# rows go, the overwritten key before it is called destroyed, the ledger's line before the outbox lets go of it (design.md §5:
# sync, read back, commit).  The system calls of the shipped program, in their order, as strace saw them.

. "$(dirname "$0")/../support/fault.sh"
DURING_GRACE=remove
cluster_shared
first_stage first
restore one first

# In an order of system calls: what was written or named under the state directory and is not synced when COMMIT goes out.
# Prints "commits N", "writes N", and a line for each fault.
judge() # TRACE STATE
{
    python3 - "$1" "$2" <<'END'
import re, sys
state = sys.argv[2]
dirty, commits, writes, faults = {}, 0, 0, []
pending = {}
for line in open(sys.argv[1], errors="replace"):
    pid, call = line.rstrip("\n").split(None, 1)
    if call.endswith("<unfinished ...>"):
        pending[pid] = call[:-len("<unfinished ...>")]
        if not re.match(r'(sendto|write)\(\d+<(socket|UNIX)', call):
            continue  # judged when it has ended
        call = pending.pop(pid)
    elif call.startswith("<... "):
        if pid not in pending:
            continue
        call = pending.pop(pid) + re.sub(r"^<\.\.\. \w+ resumed>", "", call)
    name = call.split("(", 1)[0]
    if name in ("write", "pwrite64", "writev", "pwritev", "ftruncate"):
        path = re.search(r"\(\d+<([^>]*)>", call)
        if path and path[1].startswith(state):
            writes += 1
            dirty[path[1]] = name
    elif name in ("fsync", "fdatasync"):
        path = re.search(r"\(\d+<([^>]*)>", call)
        if path and call.rstrip().endswith("= 0"):
            dirty.pop(path[1], None)
    elif name in ("rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat"):
        if not call.rstrip().endswith("= 0"):
            continue
        for path in re.findall(r'(?:(?:\d+|AT_FDCWD)<([^>]*)>, )?"([^"]*)"', call):
            whole = path[1] if path[1].startswith("/") else path[0] + "/" + path[1]
            if whole.startswith(state):
                dirty[whole.rsplit("/", 1)[0]] = name
                if name.startswith("unlink") or name.startswith("rename"):
                    dirty.pop(whole, None)
    elif name == "sendto" and re.search(r'"[^"]*(?<![a-z])commit(?![a-z])', call, re.I):
        commits += 1
        for path in dirty:
            if not re.search(r"/(lock|metrics|[^/]*\.prom|log)(/|$)", path):
                faults.append("%s of %s" % (dirty[path], path[len(state):]))
print("commits", commits)
print("writes", writes)
for fault in sorted(set(faults)):
    print("not synced:", fault, "(%d times)" % faults.count(fault))
END
}

traced() # WHAT ARGUMENTS...
{
    local what=$1
    shift
    expect_status "$what" 0 strace -f -y -s 4000 -o "$FAST/trace" \
        -e trace=write,pwrite64,writev,pwritev,ftruncate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,sendto \
        "$EXPUNGE" --config "$FAST/one/expunge.conf" "$@"
    judge "$FAST/trace" "$FAST/one/state" >"$FAST/judged"
    expect_true "$what: files were written and transactions committed" \
        awk '$1 == "commits" && $2 > 3 { c = 1 } $1 == "writes" && $2 > 3 { w = 1 } END { exit !(c && w) }' "$FAST/judged"
    expect_equal "$what: nothing is left to be synced when a COMMIT goes out" '' "$(grep '^not synced' "$FAST/judged")"
}

traced 'rows are moved by a cursor' run --policy usage-events
traced 'rows are moved by their roots' run --policy uninstalled-apps
traced 'everything else that is due' run
sql one "update expunge.disposal set erase_after = now() - interval '1 hour' where state = 'archived'"
traced 'grace periods are over: keys are destroyed, snapshots removed' run
expect_true 'keys were overwritten in it' grep -qE '(write|pwrite64)\([0-9]+<[^>]*/keys>' "$FAST/trace"
done_testing
