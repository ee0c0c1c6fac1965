# SPDX-License-Identifier: Apache-2.0
"""shape.py -- the part of the model that is about the schema: what nobody classified, what looks like a key, what stands on
a table, and what the worker may refuse for the shape alone (expunge.conf(5): not_keys, global_tables; issue 3, traps)."""

import re

# what any table may call its key
GENERAL = ["id", "ids", "uuid", "guid", "uid", "oid", "pk", "key", "code", "name", "no", "nr", "number", "ref", "rowid", "slug", "email"]

KINDS = {  # kind of a reason: what the worker's message must say
    "other": "they belong to a row of|would go with this one: each is a subject",
    "array": "the array of .* names another row",
    "root": "refers to itself, so that a root would drag|each is a subject of its own",
    "stay": "cannot stay as",
    "no key": "has no primary key and no unique index",
    "cycle": "refer to each other|RESTRICT|tried out and rolled back",
    "uncovered": "reached by no subject, named by no policy",
    "looks": "looks like the key of|holds keys of",
    "trigger": "tried out and rolled back|are still there|raised by a trigger",
    "rule": "has a rule",
}


def kind_of(message):
    return {kind for kind, pattern in KINDS.items() if re.search(pattern, message)}


class Shape:
    def __init__(self, model):
        self.model, self.case, self.must, self.may = model, model.case, model.must, model.may
        self.tables = model.reachable() | ({self.case.shared} if self.case.shared else set())

    def judge(self):
        self.judge_changes()
        self.judge_keys()
        self.judge_habits()
        if not self.case.policy:
            self.judge_names()
            self.judge_coverage()
        if self.restricted_cycle():
            self.may.append(("cycle", "rows refer to each other in a cycle under RESTRICT"))

    def judge_changes(self):
        for edge in self.case.edges:
            if edge.parent not in self.tables or edge.action() == "delete":
                continue
            if edge.child is edge.parent and edge.action() == "set_default":  # rows that go are changed before: not one by one, leaves first
                self.may.append(("stay", "a reference within a table is set to a default that may refer to nothing"))
            for name, text in self.model.new_values(edge).items():
                column = edge.child.column(name)
                if text is None and (column.not_null or column.must_be or name in edge.child.key):
                    self.may.append(("stay", "an edge would set a column to NULL that cannot be"))
            if edge.match_full and edge.action() == "set_null" and edge.set_columns:
                self.may.append(("stay", "SET NULL of some columns under MATCH FULL"))
            if not edge.child.key:
                self.may.append(("no key", "a table without a key has rows to be changed"))

    def judge_keys(self):
        for table in self.tables:
            if not table.key and any(e.parent is table for e in self.case.edges):
                self.may.append(("no key", "a table without a key that others refer to"))

    # ---- triggers and rules -----------------------------------------------------------------------------------------

    def judge_habits(self):
        for table in self.tables:
            goes = any(row.table is table for row in self.model.scope.values())
            if table.habit in ("null", "refuse") and goes:
                self.must.append(("trigger", "a trigger on %s keeps its rows" % table.title()))
            if table.habit == "frozen" and goes:
                self.may.append(("trigger", "rows of %s go, but may be set to NULL first" % table.title()))
            if table.habit == "rule":
                (self.must if goes else self.may).append(("rule", "a rule on %s keeps its rows" % table.title()))
        for edge, rows in self.model.change_rows.items():
            if edge.child.habit == "frozen" and rows and self.model.writes(edge):
                self.must.append(("trigger", "a trigger on %s refuses every change" % edge.child.title()))

    # ---- columns that look like the subject's key -------------------------------------------------------------------

    def judge_names(self):
        known = {e.child_columns[0] for e in self.case.edges if e.parent is self.case.tables[0] and len(e.child_columns) == 1}
        for e in self.case.edges:  # that it is a key of a table with nobody's data is said by the configuration, or of some partitions, alone
            if (not e.declared or e.child_part) and e.parent.listed and e.child_columns[0] in known and (e.child, e.child_columns[0]) not in self.case.not_keys:
                self.may.append(("looks", "%s of %s is called like a reference to the root" % (e.child_columns[0], e.child.title())))
        root = self.case.tables[0]
        key = root.column(root.key[0])
        if re.sub("[-_. ]", "", key.name.lower()) in GENERAL:
            return
        for table in self.case.tables[1:]:
            for column in table.columns:
                if column.name != key.name or (table, column.name) in self.case.not_keys or \
                        any(e.child is table and column.name in e.child_columns for e in self.case.edges):
                    continue
                if column.sql == key.sql:
                    self.must.append(("looks", "%s of %s is called like the root's key" % (column.name, table.title())))
                elif column.kind:
                    self.may.append(("looks", "%s of %s is called like the root's key" % (column.name, table.title())))

    # ---- tables that nobody classified ------------------------------------------------------------------------------

    def judge_coverage(self):
        """Reached by the subject, named by an edge of the configuration, or global: each must be one of these."""
        meant = {e.child for e in self.case.edges if e.rule and e.parent in self.tables} | {e.child for e in self.case.edges if e.rule and e.orphans}
        below = {e.child for e in self.case.edges if e.rule and e.action() == "keep" and e.parent in self.tables}
        while more := {e.child for e in self.case.edges if e.parent in below and e.action() == "delete"} - below:
            below |= more  # they go with the kept rows, when those go
        for table in self.case.tables:
            if table in self.tables or table in meant or table in below or table.listed:
                continue
            self.must.append(("uncovered", "%s is reached by nothing and listed nowhere" % table.title()))

    # ---- cycles -----------------------------------------------------------------------------------------------------

    def restricted_cycle(self):
        """Rows of the scope that refer to each other in a cycle, one of the references under RESTRICT."""
        out, restricts = {}, set()
        for edge, found in self.model.links.items():
            for number, (row, parents) in found.items() if edge.declared else ():
                for parent in parents:
                    if number in self.model.scope and id(parent) in self.model.scope and parent is not row:
                        out.setdefault(number, []).append(id(parent))
                        if edge.on_delete == "restrict":
                            restricts.add((number, id(parent)))
        return any(self.leads(out, end, start) for start, end in restricts)

    @staticmethod
    def leads(out, start, end):
        seen, todo = set(), [start]
        while todo:
            number = todo.pop()
            if number == end:
                return True
            if number not in seen:
                seen.add(number)
                todo += out.get(number, [])
        return False
