# SPDX-License-Identifier: Apache-2.0
"""model.py -- what must happen to a case's rows, worked out by a fixpoint over rows in memory.

Written from the README, the manual pages and the design; it shares no code with worker/.  Which tables a case lists as global
(cases.py, list_globals) follows what the worker calls covered, and is no independent judgement.

  scope     the root's row; a row whose key, by an edge that deletes, names a row of the scope.  A key with a NULL in it
            names nothing; keys are equal as their types say.
  changes   a row that stays and names a row of the scope, by an edge that sets: its columns get their new values.
  must      why the worker has to refuse before anything is changed
  may       why it is allowed to"""

import re

# what any table may call its key
GENERAL = ["id", "ids", "uuid", "guid", "uid", "oid", "pk", "key", "code", "name", "no", "nr", "number", "ref", "rowid", "slug", "email"]


class Model:
    def __init__(self, case):
        self.case = case
        self.must, self.may = [], []
        self.links = {edge: self.link(edge) for edge in case.edges}
        self.scope = self.closure(case.subject)
        self.changed = {}  # id(row) -> {column: text}
        self.change_rows = {}  # edge -> rows that it changes or keeps
        self.touched = {}  # edge -> these, and those that go
        self.judge_others()
        self.judge_root()
        self.work_out_changes()
        self.judge_end()
        self.judge_shape()
        self.judge_names()

    # ---- references -------------------------------------------------------------------------------------------------

    def key(self, row, names):
        key = tuple(row.table.column(n).same(row.values.get(n)) for n in names)
        return None if None in key else key

    @staticmethod
    def inside(row, part):
        return part is None or row.values[row.table.parts.column] == part

    def link(self, edge):
        """Pairs child row → parent row, by identity."""
        parents = {}
        for row in edge.parent.rows:
            if self.inside(row, edge.parent_part):
                key = self.key(row, edge.parent_columns)
                if key is not None:
                    parents[key] = row
        found = {}
        for row in edge.child.rows:
            if self.inside(row, edge.child_part):
                key = self.key(row, edge.child_columns)
                if key is not None:
                    found[id(row)] = (row, parents.get(key))
        return found

    def closure(self, root):
        scope = {id(root): root}
        grew = True
        while grew:
            grew = False
            for edge, found in self.links.items():
                if edge.action() != "delete":
                    continue
                for number, (row, parent) in found.items():
                    if number not in scope and parent is not None and id(parent) in scope:
                        scope[number] = row
                        grew = True
        return scope

    # ---- somebody else's rows ---------------------------------------------------------------------------------------

    def judge_others(self):
        roots = self.case.tables[0].rows
        closures = {id(r): self.closure(r) for r in roots if r is not self.case.subject}
        gone = {id(r.table): r.table for r in self.scope.values()}
        for edge, found in self.links.items():
            if edge.action() != "delete" or (edge.rule and edge.rule["given"]):
                continue
            for number, (row, parent) in found.items():
                if number not in self.scope or (parent is not None and id(parent) in self.scope):
                    continue
                if parent is None:
                    self.may.append("a row of the scope refers to nothing, which a key that is NOT VALID or soft allows")
                elif any(id(parent) in closure for closure in closures.values()):
                    if row is not self.case.subject:
                        self.must.append("a row of %s in the scope belongs to another subject as well" % row.table.title())
                    else:
                        self.may.append("the root's row refers to another subject")
                elif parent.table in self.reachable():
                    self.may.append("a row of the scope refers to a row that belongs to nobody")
        for edge, found in self.links.items():
            if edge.action() != "delete" or (edge.rule and edge.rule["given"]):
                for number, (row, parent) in found.items():
                    if number in self.scope and parent is not None and id(parent) not in self.scope and edge.parent.number == 0:
                        self.may.append("a row of the scope names another subject, by an edge that means it")

    def judge_root(self):
        for row in self.scope.values():
            if row.table is self.case.tables[0] and row is not self.case.subject:
                meant = [e for e in self.case.edges if e.child is row.table and e.action() == "delete" and e.rule and e.rule["given"]]
                others = [e for e in self.case.edges if e.child is row.table and e.action() == "delete" and not (e.rule and e.rule["given"])]
                if not meant:
                    self.must.append("another subject is in the scope")
                elif others:
                    self.may.append("another subject is in the scope, by one edge that means it and perhaps by one that does not")
        for edge in self.case.edges:
            if edge.child is self.case.tables[0] and edge.parent is edge.child and edge.action() == "delete" and not (edge.rule and edge.rule["given"]):
                self.may.append("the root's table refers to itself")

    def reachable(self):
        tables = {self.case.tables[0]}
        while True:
            more = {e.child for e in self.case.edges if e.parent in tables and e.action() == "delete"} - tables
            if not more:
                return tables
            tables |= more

    # ---- rows that stay and change ----------------------------------------------------------------------------------

    def new_values(self, edge):
        action = edge.action()
        if edge.rule and edge.rule["set"]:
            return {name: text for name, (_, text) in edge.rule["set"].items()}
        if action == "set_null":
            names = edge.set_columns if edge.declared and edge.on_delete == "set null" and edge.set_columns else edge.child_columns
            return {name: None for name in names}
        if action == "set_default":
            return {name: edge.child.column(name).default for name in edge.child_columns}
        return {}

    def work_out_changes(self):
        for edge, found in self.links.items():
            if edge.action() == "delete":
                continue
            values = self.new_values(edge)
            rows = [row for number, (row, parent) in found.items()
                    if parent is not None and id(parent) in self.scope and number not in self.scope]
            self.change_rows[edge] = rows
            self.touched[edge] = [row for row, parent in found.values() if parent is not None and id(parent) in self.scope]
            for row in rows:
                mine = self.changed.setdefault(id(row), {})
                for name, text in values.items():
                    if name in mine and mine[name] != text:
                        self.may.append("two edges set one column differently")
                    mine[name] = text

    # ---- the end must be possible -------------------------------------------------------------------------------------

    def after(self, row, name):
        return self.changed.get(id(row), {}).get(name, row.values.get(name))

    def judge_end(self):
        for table in self.case.tables:
            left = [r for r in table.rows if id(r) not in self.scope]
            for column in table.columns:
                if (column.not_null or column.must_be or column.name in table.key) and not column.generated and \
                        any(self.after(r, column.name) is None for r in left):
                    self.must.append("%s of %s would be NULL" % (column.name, table.title()))
            for key in [k for k in [table.key] + table.keys if k]:
                taken = [self.key_after(r, key) for r in left]
                taken = [k for k in taken if k is not None]
                if len(taken) != len(set(taken)):
                    self.must.append("a key of %s would be there twice" % table.title())
        for edge, found in self.links.items():
            if edge.declared:
                self.judge_edge(edge, found)

    def key_after(self, row, names):
        key = tuple(row.table.column(n).same(self.after(row, n)) for n in names)
        return None if None in key else key

    def judge_edge(self, edge, found):
        there = {self.key_after(p, edge.parent_columns) for p in edge.parent.rows
                 if id(p) not in self.scope and self.inside(p, edge.parent_part)}
        for row in edge.child.rows:
            if id(row) in self.scope or not self.inside(row, edge.child_part):
                continue
            values = [self.after(row, n) for n in edge.child_columns]
            if edge.match_full and None in values and any(v is not None for v in values):
                self.must.append("a key MATCH FULL would be partly NULL")
            key = self.key_after(row, edge.child_columns)
            if key is None or key in there:
                continue
            was = found.get(id(row))
            if was is not None and was[1] is None and not set(self.changed.get(id(row), ())) & set(edge.child_columns):
                continue  # it referred to nothing before, and these columns are not touched
            self.must.append("a row of %s would refer to nothing" % row.table.title())

    # ---- what the worker may refuse for the shape of the schema alone -------------------------------------------------

    def judge_shape(self):
        tables = self.reachable()
        for edge in self.case.edges:
            if edge.parent not in tables or edge.action() == "delete":
                continue
            for name, text in self.new_values(edge).items():
                column = edge.child.column(name)
                if text is None and (column.not_null or column.must_be or name in edge.child.key):
                    self.may.append("an edge would set a column to NULL that cannot be")
            if edge.action() == "set_default":
                self.may.append("an edge sets a default, which may be a row that goes")
            if edge.match_full and edge.action() == "set_null" and edge.set_columns:
                self.may.append("SET NULL of some columns under MATCH FULL")
            if not edge.child.key:
                self.may.append("a table without a key has rows to be changed")
        for table in tables:
            if not table.key and table.keys and any(e.parent is table and e.parent in tables for e in self.case.edges):
                self.may.append("a table without a key that others refer to")
        if self.restricted_cycle():
            self.may.append("rows refer to each other in a cycle under RESTRICT")

    def restricted_cycle(self):
        """Rows of the scope that refer to each other in a cycle, one of the references under RESTRICT."""
        out = {}
        restricts = set()
        for edge, found in self.links.items():
            if not edge.declared:
                continue
            for number, (row, parent) in found.items():
                if number in self.scope and parent is not None and id(parent) in self.scope and parent is not row:
                    out.setdefault(number, []).append(id(parent))
                    if edge.on_delete == "restrict":
                        restricts.add((number, id(parent)))
        for start, end in restricts:
            seen, todo = set(), [end]
            while todo:
                number = todo.pop()
                if number == start:
                    return True
                if number not in seen:
                    seen.add(number)
                    todo += out.get(number, [])
        return False

    # ---- columns that look like the subject's key (expunge.conf(5), not_keys) -------------------------------------------

    def judge_names(self):
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
                    self.must.append("%s of %s is called like the root's key" % (column.name, table.title()))
                elif column.kind:
                    self.may.append("%s of %s is called like the root's key" % (column.name, table.title()))
