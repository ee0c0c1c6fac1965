# SPDX-License-Identifier: Apache-2.0
"""trial.py -- one case, for real: a database, an installation, the runs, and what the model says of each step."""

import collections
import functools
import json
import os
import pathlib
import random
import shutil
import subprocess
import time

import emit
import lane
import model
import shape

ENVIRONMENT = {**os.environ, "PGTZ": "UTC", "TZ": "UTC", "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "PGCLIENTENCODING": "UTF8"}
# where an erasure is killed, so that its rows are gone and its snapshot is there
BEFORE_CLEARING = ["clear.intended"] * 4 + ["begin.committed", "whole.committed", "range.committed", "guard.judged:3", "guard.judged:6",
                                            "root.counted", "root.committed", "erase.absent"]
STOPPED = (11, 13)  # by a rail; nothing done while something is overdue
KILLED = -9  # SIGKILL of the process itself


class Wrong(Exception):
    """What happened is not what the model says."""


@functools.lru_cache
def fault_points(root):
    """The names of the points at which a test build can be killed, from the lines that name them."""
    names = set()
    for path in (root / "worker").glob("*/*.c"):
        for piece in path.read_text().split('fault_point("')[1:]:
            names.add(piece.split('"')[0])
    return sorted(names)


def copy_text(text):
    """A value as a field of COPY text."""
    if text is None:
        return "\\N"
    for plain, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(plain, escaped)
    return text


class Trial:
    def __init__(self, case, mine, work, root):
        self.case, self.lane, self.work, self.root = case, mine, work, root
        self.model = model.Model(case)
        case.choose_late(None if self.model.must or self.model.may else self.model.links)
        self.result, self.refused = ("FAILED", "did not begin"), None
        self.draw = random.Random(case.seed + 1)
        self.commands = []
        self.before, self.end, self.notes = {}, {}, []
        self.program = os.environ.get("EXPUNGE", str(root / "build/expunge"))
        self.faulty = os.environ.get("EXPUNGE_FAULTY", str(root / "build/test/expunge"))

    # ---- the database -----------------------------------------------------------------------------------------------

    def script(self):
        return emit.case_sql(self.case)

    def build(self):
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(mode=0o700)
        key = self.work / "master.key"
        key.touch(mode=0o600)
        key.write_text("%064x" % 7)
        (self.work / "expunge.conf").write_text(emit.configuration(self.case, self.work, self.lane.conninfo, key))
        self.lane.run(self.script())
        self.install()

    def install(self):
        """Mostly a copy of an earlier installation; sometimes a new one."""
        if self.draw.random() < 0.1:
            self.lane.forget()
        if self.lane.put_back(self.work / "state"):
            (self.work / "snapshots").mkdir(mode=0o700)
            return
        with lane.INIT:
            done = self.expunge("init")
        if done.returncode:
            raise Wrong("init: " + done.stderr[:300])
        self.lane.save(self.work / "state")

    def clean(self):
        shutil.rmtree(self.work, ignore_errors=True)
        self.lane.run(emit.empty_sql(self.case))

    def dump(self):
        """Per table a list of lines of COPY text, sorted."""
        script = ["copy (select %s from %s) to stdout;" % (emit.idents(c.name for c in t.columns), ("" if t.parts else "only ") + emit.place(t)) for t in self.case.tables]
        return {table: sorted(lines) for table, lines in zip(self.case.tables, self.lane.run("\n".join(script)))}

    # ---- what the model says ----------------------------------------------------------------------------------------

    def tags(self, table, rows):
        return {row.tag for row in rows if row.table is table}

    def tag_of(self, table, line):
        return int(line.split("\t")[[c.name for c in table.columns].index("tag")])

    def expected(self):
        """The rows that must be there at the end."""
        wanted, trail = {}, []
        for table in self.case.tables:
            gone = self.tags(table, self.model.scope.values())
            changes = {row.tag: self.model.changed[id(row)] for row in table.rows if id(row) in self.model.changed}
            names = [c.name for c in table.columns]
            lines = []
            for line in self.before[table]:
                tag = self.tag_of(table, line)
                if tag in gone:
                    trail += ["gone\t%d" % tag] * (table.habit == "trail")
                    continue
                fields = line.split("\t")
                for name, text in changes.get(tag, {}).items():
                    fields[names.index(name)] = copy_text(text)
                lines.append("\t".join(fields))
            wanted[table] = sorted(lines)
        if self.case.trail:
            wanted[self.case.trail] = sorted(trail)
        return wanted

    def early(self, rows):
        return [row for row in rows if row.tag not in self.case.late]

    def scope_lines(self, table):
        tags = self.tags(table, self.model.scope.values())
        return [line for line in self.before[table] if self.tag_of(table, line) in tags]

    def story(self):
        lines = ["seed %d" % self.case.seed, "features " + " ".join(sorted(self.case.features)), "during_grace " + self.case.during_grace]
        for table in self.case.tables:
            tags = self.tags(table, self.model.scope.values())
            lines.append("%s: %d rows%s; scope: %s" % (table.title(), len(table.rows), ", global" if table.listed else "", sorted(tags)))
        lines += ["edge " + e.title() + ("" if e not in self.model.change_rows else " changes %s" % sorted(r.tag for r in self.model.change_rows[e])) for e in self.case.edges]
        lines += ["must: %s: %s" % why for why in sorted(set(self.model.must))] + ["may: %s: %s" % why for why in sorted(set(self.model.may))]
        return "\n".join(lines)

    # ---- the program ------------------------------------------------------------------------------------------------

    def expunge(self, *arguments, fault=None):
        environment = ENVIRONMENT
        program = self.program
        if fault:
            program, environment = self.faulty, {**ENVIRONMENT, "EXPUNGE_FAULT": fault}
        done = subprocess.run([program, "--config", str(self.work / "expunge.conf"), *arguments], text=True, capture_output=True,
                              env=environment, stdin=subprocess.DEVNULL, timeout=120, check=False)
        self.commands.append("%sexpunge %s → %d\n%s%s" % ("EXPUNGE_FAULT=%s " % fault if fault else "", " ".join(arguments),
                                                          done.returncode, done.stdout, done.stderr))
        (self.work / "commands.txt").write_text("\n".join(self.commands))
        return done

    def disposal(self, done):
        try:
            said = json.loads(done.stdout)
        except ValueError as error:
            raise Wrong("no JSON: %s %s" % (done.stdout[:200], done.stderr[:300])) from error
        if "disposals" not in said or (not said["disposals"] and said.get("error")):
            raise Wrong("refused as a whole with status %d: %s" % (done.returncode, "; ".join(said.get("error", {}).get("story", []))[:400]))
        return said["disposals"][0] if said["disposals"] else None

    def run(self, *arguments):
        """A run, perhaps killed on its way and taken up again."""
        if self.draw.random() < 0.5:
            point = self.draw.choice(fault_points(self.root))
            done = self.expunge("run", "--json", *arguments, fault="%s:%d" % (point, self.draw.choice([1, 1, 1, 2, 3, 5])))
            if done.returncode != KILLED:
                return done
            for _ in range(6):
                done = self.expunge("run", "--json", *arguments)
                if done.returncode not in (12, 75) or "disposals" not in done.stdout:
                    break
                time.sleep(0.1)
            self.notes.append("killed on the way")
            return done
        return self.expunge("run", "--json", *arguments)

    # ---- the trial --------------------------------------------------------------------------------------------------

    def go(self):
        self.notes = []
        self.build()
        self.before = self.dump()
        what = ["--policy", "old"] if self.case.policy else ["thing", self.key()]
        planned = self.disposal(self.expunge("plan", *what, "--json"))
        if planned is None:
            raise Wrong("plan sees nothing to do")
        self.equal_rows(self.before, "the plan changed rows")
        done = self.run()
        found = self.disposal(done)
        if done.returncode in STOPPED or (done.returncode == 12 and self.case.policy and found and "trigger" in shape.kind_of(found["error"] or "")):
            return self.judge_refusal(found)  # a policy's batch is not tried out: it fails, and is rolled back
        if done.returncode:
            self.equal_rows(self.before, "status %d, and rows were changed" % done.returncode)
            raise Wrong("status %d: %s" % (done.returncode, found and found["error"]))
        # triggers object when rows are to go, not when they are copied
        copied = not self.case.direct and self.case.during_grace == "keep"
        must = [(kind, why) for kind, why in self.model.must if kind != "trigger" or not copied]
        if must:
            raise Wrong("went on, although " + must[0][1])
        if planned["error"]:
            raise Wrong("the plan refused, the run did not: " + planned["error"])
        self.judge_plan(planned)
        self.end = self.expected()
        if not self.case.direct:
            self.after_archive()
        if self.result[0] != "FAILED":
            return None
        self.equal_rows(self.end, "at the end")
        if self.draw.random() < 0.5:
            self.done_well("verify")
        state = self.lane.run("select state::text from expunge.disposal where state not in ('cleared', 'withdrawn')")[0]
        if state and self.end != self.before:
            raise Wrong("a disposal is left: " + " ".join(state))
        if self.end != self.before:
            self.after_window()
        self.result = ("erased", ", ".join(self.notes))
        return None

    def after_window(self):
        """Kept rows go by themselves when their own window is over."""
        gone = self.model.kept_scope()
        if self.case.policy or not gone:
            return
        self.notes.append("kept rows went later")
        tags = {row.tag for row in gone.values()}
        done = self.expunge("run", "--json", "--as-of", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 11 * 366 * 86400)))
        if done.returncode:
            found = self.disposal(done)
            raise Wrong("the end of the window of kept rows: status %d: %s" % (done.returncode, found and found["error"]))
        self.equal_rows({t: [line for line in lines if self.tag_of(t, line) not in tags] for t, lines in self.end.items()}, "after the window of kept rows")

    def key(self):
        root = self.case.tables[0]
        return self.case.subjects[0].values[root.key[0]].rstrip(" ")

    def done_well(self, *arguments):
        done = self.expunge(*arguments)
        if done.returncode:
            raise Wrong("%s: status %d: %s" % (" ".join(arguments), done.returncode, (done.stderr + done.stdout)[:500]))
        return done

    def after_archive(self):
        moved = self.case.during_grace == "remove"
        now = self.expected() if moved else self.before
        if self.case.shared and not self.case.policy:  # a subject's shared rows are judged when its grace period is over
            now[self.case.shared] = self.before[self.case.shared]
            tags = {row.tag for row in self.case.shared.rows}
            if moved and self.case.trail:
                now[self.case.trail] = [line for line in now[self.case.trail] if self.tag_of(self.case.trail, line) not in tags]
        self.equal_rows(now, "after the archive")
        self.judge_snapshot()
        done = None
        later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3 * 86400))
        if self.case.late:
            self.lane.run("\n".join(emit.rows_sql(self.case, late=True)))
            self.notes.append("%d rows came late" % len(self.case.late))
            self.before = self.dump()
            self.end = self.expected()
        elif moved and self.draw.random() < 0.4:
            return self.restore()
        elif self.draw.random() < 0.4:
            done = self.expunge("run", "--json", "--as-of", later, fault=self.draw.choice(BEFORE_CLEARING))
            if done.returncode == KILLED:
                return self.restore()
        if done is None:
            done = self.run("--as-of", later)
        if done.returncode in STOPPED:
            return self.judge_refusal(self.disposal(done))
        if any(kind == "trigger" for kind, _ in self.model.must):
            raise Wrong("went on, although " + self.model.must[0][1])
        if done.returncode:
            found = self.disposal(done)
            raise Wrong("the erasure after the grace period: status %d: %s" % (done.returncode, found and found["error"]))

    def restore(self):
        """The rows are gone, or some of them; they come back, every bit."""
        done = self.expunge("restore", "db-1")
        self.notes.append("restored")
        if done.returncode == 0:
            self.end = self.before
        elif done.returncode == 64 and self.dump() == self.before:
            self.notes.append("nothing was gone yet")
            self.end = self.before
        elif done.returncode == 11 and self.model.dangling:
            self.notes.append("refused, for a parent was never there")
            self.end = self.dump()
        else:
            raise Wrong("restore: status %d: %s" % (done.returncode, (done.stderr + done.stdout)[:500]))

    def equal_rows(self, wanted, when):
        actual = self.dump()
        for table in [t for t in self.case.tables if t is not self.case.trail or "restored" not in self.notes]:
            want, have = collections.Counter(wanted[table]), collections.Counter(actual[table])
            if want != have:
                missing, extra = list((want - have).elements()), list((have - want).elements())
                raise Wrong("%s: %s: %d rows are missing, %d are there that should not be (or are changed): tags %s and %s" % (
                    when, table.title(), len(missing), len(extra), [self.tag_of(table, x) for x in missing[:5]],
                    [self.tag_of(table, x) for x in extra[:5]]))

    def judge_refusal(self, found):
        """For a reason that the model sees, and the message says that reason."""
        self.refused = found and (found["error"] or found["waits_for"]) or "?"
        self.equal_rows(self.before, "refused, and yet rows were changed")
        reasons = self.model.must + ([] if self.case.plain else self.model.may)
        told = shape.kind_of(self.refused)
        if not any(kind in told for kind, _ in reasons):
            raise Wrong("refused, and the model sees %s: %s" % (", ".join(sorted({kind for kind, _ in reasons})) or "no reason", self.refused))
        self.result = ("foretold", "") if self.model.must else ("allowed", next(why for kind, why in reasons if kind in told))

    def judge_plan(self, planned):
        rows, changes = collections.Counter(), collections.Counter()
        for item in planned["tables"]:
            if item["action"] in ("copy", "move", "delete"):
                rows[item["table"]] += item["rows"]
            else:
                changes[item["table"]] += item["rows"]
        wanted = collections.Counter(row.table.title() for row in self.early(self.model.scope.values()))
        outside, touched = collections.Counter(), collections.Counter()
        for edge, found in self.model.change_rows.items():
            if self.model.writes(edge):
                outside[edge.child.title()] += len(self.early(found))
                touched[edge.child.title()] += len(self.early(self.model.touched[edge]))
        if planned["step"] == "archive" and self.case.during_grace == "keep":  # values that will change are copied, too
            self.between("counts", rows, wanted + outside, wanted + touched)
        else:
            self.between("counts", rows, wanted, wanted)
            self.between("changes", changes, outside, touched)

    @staticmethod
    def between(what, have, least, most):
        """Values of rows that go anyway may be counted, or not."""
        if least - have or have - most:
            raise Wrong("the plan %s %s, the model %s to %s" % (what, dict(+have), dict(+least), dict(+most)))

    # ---- the snapshot -----------------------------------------------------------------------------------------------

    def judge_snapshot(self):
        shown = json.loads(self.done_well("--json", "snapshot", "show", "db-1").stdout)
        seen, looked = set(), 0
        self.draw.shuffle(shown["files"])
        for file in shown["files"]:
            table = next(t for t in self.case.tables if t.title() == file["table"])
            if file["role"] == "rows":
                seen.add(table)
                if file["rows"] != len(self.scope_lines(table)):
                    raise Wrong("the snapshot of %s has %d rows, the model %d" % (table.title(), file["rows"], len(self.scope_lines(table))))
                if file["rows"] and looked < 1:
                    looked += 1
                    self.judge_file(table, file)
            elif file["role"] == "values":
                least, most = (sum(len(self.early(rows)) for edge, rows in which.items() if edge.child is table and self.model.writes(edge))
                               for which in (self.model.change_rows, self.model.touched))
                total = sum(f["rows"] for f in shown["files"] if f["table"] == file["table"] and f["role"] == "values")
                if not least <= total <= most:
                    raise Wrong("the snapshot has %d values of %s, the model %d to %d" % (total, table.title(), least, most))
        for row in self.early(self.model.scope.values()):
            if row.table not in seen:
                raise Wrong("the snapshot has no file of " + row.table.title())

    def changed_places(self, table, names):
        changed = {name for edge in self.model.touched if edge.child is table and self.model.writes(edge)
                   for name in (edge.child_columns if edge.action() == "remove_element" else self.model.new_values(edge))}
        return {i for i, name in enumerate(names) if name in changed}

    def judge_file(self, table, file):
        names = [c.name for c in table.columns]
        columns = [names.index(c["name"]) for c in file["columns"]]
        wanted = ["\t".join(line.split("\t")[i] for i in columns) for line in self.scope_lines(table)]
        have = self.done_well("snapshot", "cat", "db-1", table.title()).stdout.split("\n")[:-1]
        # where a policy takes rows out in an order of its own, some are changed before they go: what they had is among the values
        changed = self.changed_places(table, [c["name"] for c in file["columns"]]) if self.case.policy else set()
        wanted, have = (collections.Counter("\t".join(text for i, text in enumerate(line.split("\t")) if i not in changed) for line in lines)
                        for lines in (wanted, have))
        if wanted != have:
            raise Wrong("the snapshot of %s: %d rows are missing, %d are too many" % (
                table.title(), sum((wanted - have).values()), sum((have - wanted).values())))
