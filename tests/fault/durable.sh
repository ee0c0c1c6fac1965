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

# The rules, each judged when a COMMIT is sent: what a mark says of a snapshot's file has been synced; of every other file
# and directory under the state directory, all of it.  Prints "commits N", "marks N", "writes N", and a line for each fault.
judge() # TRACE STATE
{
    python3 - "$1" "$2" <<'END'
import collections, re, struct, sys

state = sys.argv[2]
counts = collections.Counter(commits=0, marks=0, writes=0)
written, synced = collections.Counter(), collections.Counter()  # bytes of each .xpf
dirty = {}  # other paths: number of the last write, and what it was
faults, marks, statements, started = [], [], {}, {}
MARKS = {"insert into expunge.move_batch": (0, 1, 5), "update expunge.disposal_table set rows_archived": (0, 1, 3)}


def text(hexed):
    return bytes.fromhex(hexed.replace("\\x", "")).decode("latin-1")


def place(call):
    path = re.search(r"\(\d+<([^>]*)>", call)
    return "" if not path else text(path[1]) if path[1].startswith("\\x") else path[1]


def messages(data):
    at = 0
    while at + 5 <= len(data):
        length = struct.unpack(">I", data[at + 1:at + 5])[0]
        yield chr(data[at]), data[at + 5:at + 1 + length]
        at += 1 + length


def parameters(body):
    portal, name, rest = body.split(b"\0", 2)
    formats = struct.unpack(">H", rest[:2])[0]
    at = 2 + 2 * formats
    values = []
    for _ in range(struct.unpack(">H", rest[at:at + 2])[0]):
        length = struct.unpack(">i", rest[at + 2:at + 6])[0]
        values.append(None if length < 0 else rest[at + 6:at + 6 + length])
        at += 4 + max(length, 0)
    return name, values


def sent(socket, data):
    commit = False
    for kind, body in messages(data):
        if kind == "P":
            name, sql = body.split(b"\0")[:2]
            statements[socket, name] = re.sub(r"\s+", " ", re.sub(r"--.*", "", sql.decode())).strip()
            commit = commit or statements[socket, name].lower() == "commit"
        elif kind == "Q":
            commit = commit or re.search(r"(^|;)\s*commit\b", body.decode(), re.I) is not None
        elif kind == "B":
            name, values = parameters(body)
            for start, places in MARKS.items():
                if statements.get((socket, name), "").startswith(start):
                    counts["marks"] += 1
                    marks.append((socket, *(int(values[place]) for place in places)))
    if commit:
        committed(socket)


def committed(socket):
    counts["commits"] += 1
    for mark in [m for m in marks if m[0] == socket]:
        marks.remove(mark)
        found = [path for path in written if re.search(r"/eu-%d-[0-9a-f]+(\.partial)?/%04d\.xpf$" % mark[1:3], path)]
        if mark[3] and not found:
            faults.append("a mark of a file that nobody wrote")
        faults.extend("%d bytes of %s" % (mark[3] - synced[path], path[len(state):]) for path in found if synced[path] < mark[3])
    for path, (_, name) in dirty.items():
        if not re.search(r"/(lock|metrics|[^/]*\.prom)(/|$)", path):
            faults.append("%s of %s" % (name, path[len(state):]))


def ended(pid, call):
    name = call.split("(", 1)[0]
    path = place(call)
    done = re.search(r"= (\d+)$", call.rstrip())
    if name in ("write", "pwrite64", "ftruncate") and path.startswith(state):
        counts["writes"] += 1
        counts["keys"] += path.endswith("/keys")
        if path.endswith(".xpf") and name == "pwrite64" and done:
            offset = int(re.search(r", (\d+) *\) *= ", call)[1])
            written[path] = max(written[path], offset + int(done[1]))
        elif not path.endswith(".xpf"):
            dirty[path] = (counts["writes"], name)
        else:
            faults.append("%s of %s cannot be judged" % (name, path[len(state):]))
    elif name in ("fsync", "fdatasync") and done:
        bytes_then, number = started.pop(pid, (0, 0))
        if path.endswith(".xpf"):
            synced[path] = max(synced[path], bytes_then)
        elif path in dirty and dirty[path][0] <= number:
            del dirty[path]
    elif name.startswith(("rename", "unlink", "mkdir")) and done:
        for base, hexed in re.findall(r'(?:(?:\d+|AT_FDCWD)<([^>]*)>, )?"((?:\\x[0-9a-f]{2})*)"', call):
            whole = text(hexed) if text(hexed).startswith("/") else (text(base) if base.startswith("\\x") else base) + "/" + text(hexed)
            if whole.startswith(state):
                counts["writes"] += 1
                dirty.pop(whole, None)
                dirty[whole.rsplit("/", 1)[0]] = (counts["writes"], name)


pending = {}
for line in open(sys.argv[1]):
    pid, call = line.rstrip("\n").split(None, 1)
    resumed = re.match(r"<\.\.\. \w+ resumed>", call)
    if resumed:
        call = pending.pop(pid, "") + call[resumed.end():]
    name = call.split("(", 1)[0]
    if not resumed:  # it begins here
        if name in ("fsync", "fdatasync"):
            started[pid] = (written[place(call)], counts["writes"])
        if name == "sendto":
            socket, hexed = re.match(r'sendto\((\d+)[^"]*"((?:\\x[0-9a-f]{2})*)"', call).groups()
            sent(socket, bytes.fromhex(hexed.replace("\\x", "")))
    if call.endswith("<unfinished ...>"):
        pending[pid] = call[:-len("<unfinished ...>")]
    else:
        ended(pid, call)

for name, count in counts.items():
    print(name, count)
for fault, count in collections.Counter(faults).items():
    print("not synced: %s (%d times)" % (fault, count))
END
}

traced() # WHAT LEAST-MARKS ARGUMENTS...
{
    local what=$1 least=$2
    shift 2
    expect_status "$what" 0 strace -f -y -xx -s 100000 -o "$FAST/trace" \
        -e trace=write,pwrite64,ftruncate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,sendto \
        "$EXPUNGE" --config "$FAST/one/expunge.conf" "$@"
    expect_true "$what: the calls are understood" judge "$FAST/trace" "$FAST/one/state"
    judge "$FAST/trace" "$FAST/one/state" >"$FAST/judged" 2>&1
    expect_true "$what: files were written, marked and committed" \
        awk -v least="$least" '{ n[$1] = $2 } END { exit !(n["commits"] > 3 && n["writes"] > 3 && n["marks"] >= least) }' "$FAST/judged"
    expect_equal "$what: nothing is left to be synced when a COMMIT is sent" '' "$(grep '^not synced' "$FAST/judged")"
}

traced 'rows are moved by a cursor' 5 run --policy usage-events
traced 'rows are moved by their roots' 2 run --policy uninstalled-apps
traced 'everything else that is due' 5 run
sql one "update expunge.disposal set erase_after = now() - interval '1 hour' where state = 'archived'"
traced 'grace periods are over: keys are destroyed, snapshots removed' 0 run
expect_match 'keys were overwritten in it' "$FAST/judged" '^keys [1-9]'
done_testing
