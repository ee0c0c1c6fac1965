#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""interleave.py -- two actors, every order of their steps: a worker that stops at its N-th fault point, and a person's
transaction that begins there and commits at another one.  Nothing sleeps: who waits for whom is asked of the server.

  interleave.py RACE COUNT        RACE: came-back, withdrawn, held, late-child, two-workers, leaving; COUNT permutations of all, evenly

EXPUNGE_FAULTY, CONF, CONNINFO_DB, WORK: from interleave.sh.  A line for each permutation: "ok" or "no", and what was done."""

import os
import pathlib
import queue
import re
import subprocess
import sys
import threading
import time

WORK = pathlib.Path(os.environ["WORK"])
CONNINFO = os.environ["CONNINFO_DB"]
PROGRAM = [os.environ["EXPUNGE_FAULTY"], "--config", os.environ["CONF"]]
ELSEWHERE = [os.environ["EXPUNGE_FAULTY"], "--config", os.environ["CONF"] + ".elsewhere"]  # another host: a ledger of its own
PATIENCE = 120  # seconds: for a machine that is busy, never the verdict


class Wrong(Exception):
    pass


class Session:
    """A psql that takes statements one after the other and tells when it is through."""

    def __init__(self, name):
        self.process = subprocess.Popen(["psql", "-qAtX", "-F", " ", "-d", CONNINFO + " application_name=" + name], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
        self.lines, self.turn, self.said, self.through = queue.Queue(), 0, [], True
        threading.Thread(target=lambda: [self.lines.put(line.rstrip("\n")) for line in self.process.stdout], daemon=True).start()
        self.pid = int(self.ask("select pg_backend_pid()")[0])

    def start(self, sql):
        self.turn += 1
        self.said, self.through = [], False
        self.process.stdin.write(sql + "\n;\n\\echo @%d\n" % self.turn)
        self.process.stdin.flush()

    def is_done(self):
        while not self.through:
            try:
                line = self.lines.get_nowait()
            except queue.Empty:
                return False
            self.through = line == "@%d" % self.turn
            if not self.through:
                self.said.append(line)
        return True

    def ask(self, sql):
        self.start(sql)
        wait_until("psql answers", self.is_done)
        return self.said


def wait_until(what, *conditions):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        for condition in conditions:
            if condition():
                return condition
        time.sleep(0.004)
    raise Wrong("waited in vain until " + what)


class Worker:
    def __init__(self, number, stops, *arguments, program=None):
        self.files = {stop: WORK / ("stop.%d.%d" % (number, stop)) for stop in stops}
        for file in self.files.values():
            for path in (file, pathlib.Path(str(file) + ".reached")):
                path.unlink(missing_ok=True)
        environment = {**os.environ, "EXPUNGE_FAULT_STOPS": ",".join("%d:%s" % item for item in self.files.items())}
        self.process = subprocess.Popen((program or PROGRAM) + list(arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, env=environment)
        self.said = None

    def has_reached(self, stop):
        return pathlib.Path(str(self.files[stop]) + ".reached").exists()

    def has_ended(self):
        return self.process.poll() is not None

    def release(self, stop):
        self.files[stop].touch()

    def end(self):
        for stop in self.files:
            self.release(stop)
        self.said = self.process.communicate(timeout=PATIENCE)[0]
        return self.process.returncode


EYE = Session("eye")
PERSON = Session("person")


def ask(sql):
    said = EYE.ask(sql)
    if any("ERROR" in line for line in said):
        raise Wrong("the test's own SQL: %s" % said)
    return said


def person_waits():
    return ask("select cardinality(pg_blocking_pids(%d)) > 0" % PERSON.pid) == ["t"]


def worker_waits():
    """For the person, and for nobody else."""
    return ask("select count(*) from pg_stat_activity where datname = current_database() and application_name like 'expunge%%' and %d = any (pg_blocking_pids(pid))" % PERSON.pid) != ["0"]


# ---- customers ------------------------------------------------------------------------------------------------------------

ROWS = """select 'customer ' || (to_jsonb(c) - 'ended_at' - 'status')::text from app.customer c where id = '{k}' union all
          select 'document ' || d::text from app.document d where customer_id = '{k}' union all
          select 'page ' || p::text from app.page p join app.document d on d.id = p.document_id where d.customer_id = '{k}' union all
          select 'event ' || e::text from app.event e where customer_id = '{k}' order by 1"""


def rows(k):
    return ask(ROWS.format(k=k))


def make(k, ago="40 days"):
    ask("""begin; insert into app.customer (id, name, status, ended_at) values ('{k}', 'Secret {k}', 'ended', now() - interval '{ago}');
           insert into app.document select nextval('app.document_ids'), '{k}', 'Secret body' from generate_series(1, 2);
           insert into app.page select d.id, n, 'Secret page' from app.document d, generate_series(1, 2) n where customer_id = '{k}';
           insert into app.event (customer_id, at, body) select '{k}', now(), 'Secret event' from generate_series(1, 3); commit"""
        .format(k=k, ago=ago))


def disposal(k):
    return ask("select 'eu-' || id from expunge.disposal where subject_key = '%s'" % k)[0]


def state(identity):
    return ask("select state from expunge.disposal where 'eu-' || id = '%s'" % identity)[0]


def run(*arguments):
    done = subprocess.run(PROGRAM + list(arguments), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False)
    return done.returncode, done.stdout + done.stderr


def settle(identity):
    """Runs until one changes nothing."""
    status = 12
    for _ in range(6):
        before = state(identity)
        ask("update expunge.disposal set next_attempt_at = null where 'eu-' || id = '%s'" % identity)
        status, _said = run("run", "--disposal", identity)
        if state(identity) in ("cleared", "withdrawn") or (state(identity) == before and status not in (12, 75)):
            break
    return status


def once(identity):
    """Each step of its life is once in the ledger."""
    number = identity.split("-")[1]
    seen = re.findall(r'"disposal":%s,.*"event":"(archived|erasing|erased|cleared|withdrawn)"' % number,
                      "".join(path.read_text() for path in pathlib.Path(os.environ["STATE"]).parent.glob("state*/ledger.jsonl")))
    if len(seen) != len(set(seen)):
        raise Wrong("a step is twice in the ledger: %s" % seen)


def gone(k):
    left = rows(k)
    if left:
        raise Wrong("%d row(s) are left: %s" % (len(left), left[0]))


# ---- one permutation --------------------------------------------------------------------------------------------------------

def interleave(number, first, last, arguments, statement):
    """The person's transaction begins when the worker stands at one point and commits when it stands at another, or as soon as
    one of the two waits for the other.  → what the person was told"""
    worker = Worker(number, sorted({first, last}), *arguments)
    try:
        wait_until("the worker stands", lambda: worker.has_reached(first), worker.has_ended)
        if not worker.has_reached(first):
            raise Wrong("the worker never came to its point %d" % first)
        PERSON.start("begin; " + statement)
        wait_until("the person has done it, or waits", PERSON.is_done, person_waits)
        if last != first:
            worker.release(first)
            wait_until("the worker stands again", lambda: worker.has_reached(last), worker.has_ended, worker_waits)
        if not PERSON.is_done():
            worker.release(first)
            worker.release(last)
            wait_until("the person has it", PERSON.is_done)
        told = PERSON.said
        PERSON.ask("commit")
    finally:
        worker.end()
    return told


def failed(told):
    return any("ERROR" in line for line in told)


def came_back(number, first, last):
    k = "b%d" % number
    make(k, "10 days")
    run("run")
    whole, identity = rows(k), disposal(k)
    ask("update expunge.disposal set erase_after = now() - interval '1 minute' where 'eu-' || id = '%s'" % identity)
    told = interleave(number, first, last, ["run", "--disposal", identity],
                      "update app.customer set status = 'active', ended_at = null where id = '%s' returning 'back'" % k)
    settle(identity)
    once(identity)
    if "back" not in told:
        gone(k)
        if state(identity) != "cleared":
            raise Wrong("nobody came back, and it is " + state(identity))
        return "too late: erased"
    how = "in time"
    if state(identity) == "erasing":
        how = "in mid erasure, and restored"
        status, said = run("restore", identity)
        if status:
            raise Wrong("what was erased cannot be restored: %d %s" % (status, said))
    if state(identity) != "withdrawn" or rows(k) != whole:
        raise Wrong("back, and %s with %d of %d rows" % (state(identity), len(rows(k)), len(whole)))
    return how


def withdrawn(number, first, last):
    k = "v%d" % number
    make(k, "10 days")
    run("run")
    whole, identity = rows(k), disposal(k)
    ask("update expunge.disposal set erase_after = now() - interval '1 minute' where 'eu-' || id = '%s'" % identity)
    told = interleave(number, first, last, ["run", "--disposal", identity],
                      "with w as materialized (select expunge.withdraw(%s, 'x')) select 'in' from w" % identity.split("-")[1])
    settle(identity)
    once(identity)
    if failed(told):
        gone(k)
        if state(identity) != "cleared":
            raise Wrong("a withdrawal was refused, and it is " + state(identity))
        return "too late: erased"
    if state(identity) != "withdrawn" or rows(k) != whole:
        raise Wrong("withdrawn, and %s with %d of %d rows" % (state(identity), len(rows(k)), len(whole)))
    if ask("select count(*) from expunge.disposal where 'eu-' || id = '%s' and key_destroyed_at is null" % identity) != ["0"]:
        raise Wrong("withdrawn, and the snapshot's key is there")
    ask("update app.customer set ended_at = null, status = 'active' where id = '%s'" % k)
    return "in time"


def held(number, first, last):
    k = "h%d" % number
    make(k, "10 days")
    run("run")
    identity = disposal(k)
    ask("update expunge.disposal set erase_after = now() - interval '1 minute' where 'eu-' || id = '%s'" % identity)
    told = interleave(number, first, last, ["run", "--disposal", identity],
                      "insert into expunge.hold (kind, subject_key, type, reason) values ('customer', '%s', 'legal', 'x'); select count(*) from (%s) r" % (k, ROWS.format(k=k)))
    if failed(told):
        raise Wrong("the hold was not placed: %s" % told)
    if len(rows(k)) != int(told[-1]):
        raise Wrong("%s rows were there under the hold, and %d are" % (told[-1], len(rows(k))))
    settle(identity)
    if len(rows(k)) != int(told[-1]) or state(identity) == "cleared" and told[-1] != "0":
        raise Wrong("%s rows were there under the hold, and after another run %d are, %s" % (told[-1], len(rows(k)), state(identity)))
    ask("update expunge.hold set released_at = now() where subject_key = '%s'" % k)
    settle(identity)
    once(identity)
    gone(k)
    if state(identity) != "cleared":
        raise Wrong("released, and " + state(identity))
    return "%s rows under the hold" % told[-1]


def late_child(number, first, last):
    k = "c%d" % number
    make(k)
    ask("insert into app.document values (nextval('app.document_ids'), '%s', 'Secret last')" % k)
    statement = ("insert into app.page select max(id), 99, 'late' from app.document where customer_id = '%s' returning 'in'" if number % 2 else
                 "insert into app.document values (nextval('app.document_ids'), '%s', 'late') returning 'in'") % k
    told = interleave(number, first, last, ["run"], statement)
    identity = ask("select 'eu-' || max(id) from expunge.disposal where kind = 'customer'")[0]
    settle(identity)
    once(identity)
    gone(k)
    if state(identity) != "cleared":
        raise Wrong(state(identity))
    return "refused" if failed(told) else "erased as well"


def two_workers(number, first, last):
    k = "w%d" % number
    make(k)
    there = len(rows(k))
    one = Worker(number, [first], "run")
    wait_until("the first one stands", lambda: one.has_reached(first), one.has_ended)
    two = Worker(number + 1000000, [last], "run", program=ELSEWHERE)
    wait_until("the second one stands, waits or is through", lambda: two.has_reached(last), two.has_ended,
               lambda: ask("select count(*) > 0 from pg_stat_activity where datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0") == ["t"])
    if number % 2:
        statuses = [one.end(), two.end()]
    else:
        two.release(last)
        statuses = [one.end(), two.end()]
    if set(statuses) - {0, 12, 13, 75}:
        raise Wrong("they ended with %s: %s" % (statuses, one.said + two.said))
    found = ask("select 'eu-' || id from expunge.disposal where kind = 'customer' and id > %d order by id" % two_workers.last)
    if len(found) != 1:
        raise Wrong("%d disposals of one customer" % len(found))
    settle(found[0])
    once(found[0])
    gone(k)
    counted = ask("select sum(rows_done) from expunge.disposal_table t where 'eu-' || disposal = '%s' and action = 'delete'" % found[0])
    if counted != [str(there)] or state(found[0]) != "cleared":
        raise Wrong("%d rows, counted %s, %s" % (there, counted, state(found[0])))
    two_workers.last = int(found[0].split("-")[1])
    return "ended with %d and %d" % tuple(statuses)


two_workers.last = 0


def leaving(number, first, last):
    """during_grace = "remove" """
    k = "l%d" % number
    make(k, "10 days")
    what = ["change", "child", "hold", "back", "withdraw"][number % 5]
    statement = {
        "change": "update app.page set body = 'changed' where document_id = (select min(id) from app.document where customer_id = '%s') returning 'in'",
        "child": "insert into app.page select max(id), 99, 'late' from app.document where customer_id = '%s' returning 'in'",
        "hold": "insert into expunge.hold (kind, subject_key, type, reason) values ('customer', '%s', 'legal', 'x') returning 'in'",
        "withdraw": "with w as materialized (select expunge.withdraw(id, 'x') from expunge.disposal where subject_key = '%s') select 'in' from w",
        "back": "update app.customer set status = 'active', ended_at = null where id = '%s' returning 'in'"}[what] % k
    whole = rows(k)
    told = interleave(number, first, last, ["run"], statement + "; " + ROWS.format(k=k))
    inside = "in" in told and not failed(told)
    seen = [line for line in told if line.split(" ")[0] in ("customer", "document", "page", "event")]  # by the person, in time
    identity = ask("select 'eu-' || max(id) from expunge.disposal where kind = 'customer'")[0]
    if what == "hold" and inside and state(identity) == "open":
        settle(identity)
        if rows(k) != seen:
            raise Wrong("held, and rows left")
        ask("update expunge.hold set released_at = now() where subject_key = '%s'" % k)
    settle(identity)
    once(identity)
    if what == "withdraw" and inside:
        if rows(k) != whole or state(identity) != "withdrawn":
            raise Wrong("withdrawn, and %s with %d of %d rows" % (state(identity), len(rows(k)), len(whole)))
        ask("update app.customer set ended_at = null, status = 'active' where id = '%s'" % k)
        return "withdrawn"
    if what == "back" and inside and state(identity) != "archived":
        if rows(k) != seen or state(identity) != "withdrawn":
            raise Wrong("back, and %s with %d of %d rows" % (state(identity), len(rows(k)), len(seen)))
        return "back in time"
    if state(identity) != "archived":
        raise Wrong("it is " + state(identity))
    gone(k)
    ask("update expunge.hold set released_at = coalesce(released_at, now()) where subject_key = '%s'" % k)
    status, said = run("restore", identity)
    if status:
        raise Wrong("it cannot be restored: %d %s" % (status, said))
    if inside and what != "hold" and rows(k) != seen:
        raise Wrong("restored, and not as the person saw it: %s, not %s" % (rows(k), seen))
    if len(rows(k)) < 10:
        raise Wrong("restored, and only %d rows" % len(rows(k)))
    ask("update app.customer set ended_at = null, status = 'active' where id = '%s'" % k)
    return what + (" in time" if inside else " too late")


RACES = {"came-back": came_back, "withdrawn": withdrawn, "held": held, "late-child": late_child, "two-workers": two_workers, "leaving": leaving}


def passages(race):
    """How many points a worker passes that nobody disturbs."""
    log = WORK / ("log." + race)
    environment = {**os.environ, "EXPUNGE_FAULT_LOG": str(log)}
    make("calm" + race, "10 days" if race in ("came-back", "withdrawn", "held", "leaving") else "40 days")
    if race in ("came-back", "withdrawn", "held"):
        run("run")
        ask("update expunge.disposal set erase_after = now() - interval '1 minute' where state = 'archived'")
    done = subprocess.run(PROGRAM + ["run"], env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False)
    if done.returncode:
        raise Wrong("the calm run ended with %d: %s" % (done.returncode, done.stdout + done.stderr))
    two_workers.last = int(ask("select coalesce(max(id), 0) from expunge.disposal")[0])
    return sum(1 for line in log.read_text().split("\n") if line and not line.startswith("frame."))


def main():
    race, count = sys.argv[1], int(sys.argv[2])
    points = passages(race)
    pairs = [(i, j) for i in range(1, points + 1) for j in range(i, points + 1)]
    count = min(count, len(pairs))
    chosen = [pairs[n * (len(pairs) - 1) // max(1, count - 1)] for n in range(count)]
    some = slice(int(os.environ.get("EXPUNGE_INTERLEAVE_FROM", 1)) - 1, int(os.environ.get("EXPUNGE_INTERLEAVE_TO", count)))
    for number, (first, last) in list(enumerate(chosen, 1))[some]:
        try:
            print("ok %s %d to %d of %d: %s" % (race, first, last, points, RACES[race](number, first, last)), flush=True)
        except (Wrong, subprocess.TimeoutExpired) as error:
            print("no %s %d to %d of %d: %s" % (race, first, last, points, str(error).replace("\n", " ")[:600]), flush=True)
            PERSON.start("rollback")
            wait_until("the person lets go", PERSON.is_done)
            ask("update expunge.hold set released_at = now() where released_at is null")


main()
