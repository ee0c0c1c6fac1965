# SPDX-License-Identifier: Apache-2.0
"""model.py -- what must happen to a case's rows, worked out by a fixpoint over rows in memory.

Written from the README, the manual pages and the design; it shares no code with worker/.

  scope     the roots; a row that names a row of the scope by an edge that deletes; shared rows that nobody else names.
            A key with a NULL in it names nothing; keys are equal as their types say.
  changes   a row that stays and names a row of the scope, by an edge that sets: its columns get their new values.
  must      why the worker has to refuse before anything is changed, as (kind, text); kinds are those of reasons.py
  may       why it is allowed to"""

import json

import shape


class Model:
    def __init__(self, case):
        self.case = case
        self.must, self.may = [], []
        self.dangling = False  # a row of the scope names a row that is not there: it cannot be restored
        self.links = {edge: self.link(edge) for edge in case.edges}
        self.scope = self.closure(case.subjects)
        self.changed = {}  # id(row) -> {column: text}
        self.change_rows = {}  # edge -> rows that it changes or keeps
        self.touched = {}  # edge -> these, and those that go
        self.judge_others()
        self.judge_arrays()
        self.judge_root()
        self.work_out_changes()
        self.take_orphans()
        self.judge_end()
        shape.Shape(self).judge()

    # ---- references -------------------------------------------------------------------------------------------------

    def key(self, row, names):
        key = tuple(row.table.column(n).same(row.values.get(n)) for n in names)
        return None if None in key else key

    @staticmethod
    def inside(row, part):
        return part is None or row.values[row.table.parts.column] == part

    def names(self, edge, row):
        """The keys that a row names by the edge; those of most forms are compared as the server prints them."""
        text = row.values.get(edge.child_columns[0])
        if edge.form in (None, "where"):
            if edge.form and row.values.get(edge.where[0]) != edge.where[1]:
                return []
            key = self.key(row, edge.child_columns)
            return [] if key is None else [key]
        if text is None:
            return []
        if edge.form == "json":
            held = json.loads(text)
            text = held.get("ref") if isinstance(held, dict) else None
            return [] if text is None else [(str(text),)]
        if edge.form == "expression":
            return [(text[4:],)] if text.startswith("ref:") else []
        if edge.form == "array":
            same = edge.parent.column(edge.parent_columns[0]).same
            return [(same(element),) for element in elements(text) if element != "NULL"]
        return [(text,)]

    def key_named(self, edge, parent):
        if edge.form in ("spelt", "json", "expression"):
            text = parent.values.get(edge.parent_columns[0])
            return None if text is None else (text,)
        return self.key(parent, edge.parent_columns)

    def link(self, edge):
        """{id(child row): (row, the parent rows that it names)}, of rows that name anything."""
        parents = {}
        for row in edge.parent.rows:
            key = self.key_named(edge, row) if self.inside(row, edge.parent_part) else None
            if key is not None:
                parents.setdefault(key, []).append(row)
        found = {}
        for row in edge.child.rows:
            named = self.names(edge, row) if self.inside(row, edge.child_part) else []
            if named:
                found[id(row)] = (row, [parent for key in named for parent in parents.get(key, [])])
        return found

    def closure(self, roots):
        scope = {id(root): root for root in roots}
        grew = True
        while grew:
            grew = False
            for edge, found in self.links.items():
                if edge.action() != "delete":
                    continue
                for number, (row, parents) in found.items():
                    if number not in scope and any(id(parent) in scope for parent in parents):
                        scope[number] = row
                        grew = True
        return scope

    def below(self, table):
        """Tables whose rows go with rows of this one, itself among them."""
        found = [table]
        for parent in found:
            found += {e.child: None for e in self.case.edges if e.parent is parent and e.action() == "delete" and e.child not in found}
        return found

    # ---- somebody else's rows ---------------------------------------------------------------------------------------

    def judge_others(self):
        closures = [self.closure([r]) for r in self.case.tables[0].rows if r not in self.case.subjects]
        for edge, found in self.links.items():
            if edge.action() != "delete":
                continue
            for number, (row, parents) in found.items():
                if number not in self.scope or any(id(parent) in self.scope for parent in parents):
                    continue
                if edge.rule and edge.rule["given"]:
                    if parents and edge.parent.number == 0:
                        self.may.append(("other", "a row of the scope names another subject, by an edge that means it"))
                elif not parents:
                    self.dangling = True
                elif any(id(parent) in closure for closure in closures for parent in parents):
                    if row not in self.case.subjects:
                        self.must.append(("other", "a row of %s in the scope belongs to another subject as well" % row.table.title()))
                    else:
                        self.may.append(("other", "the root's row refers to another subject"))
                elif edge.parent in self.reachable():
                    self.may.append(("other", "a row of the scope refers to a row that belongs to nobody"))

    def judge_arrays(self):
        """A row that an array takes along must name nobody else who is there."""
        for edge, found in self.links.items():
            if edge.form == "array" and edge.action() == "delete":
                for number, (row, parents) in found.items():
                    gone = [id(parent) in self.scope for parent in parents]
                    if number in self.scope and any(gone) and not all(gone):
                        self.must.append(("array", "an array in %s names somebody else as well" % row.table.title()))
                    elif number in self.scope and parents and not any(gone):
                        self.may.append(("array", "a row of the scope names somebody else in its array"))

    def judge_root(self):
        root = self.case.tables[0]
        own = [e for e in self.case.edges if e.child is root and e.action() == "delete"]
        meant = [e for e in own if e.rule and e.rule["given"]]
        if any(row.table is root and row not in self.case.subjects for row in self.scope.values()):
            if not meant:
                self.must.append(("root", "another subject is in the scope"))
            elif len(own) > len(meant):
                self.may.append(("root", "another subject is in the scope, by one edge that means it and perhaps by one that does not"))
        if any(e.parent is root and e not in meant for e in own):
            self.may.append(("root", "the root's table refers to itself"))

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

    def without(self, edge, row):
        """The array without the keys of what goes."""
        name, target = edge.child_columns[0], edge.parent.column(edge.parent_columns[0])
        gone = {self.key(p, edge.parent_columns) for p in edge.parent.rows if id(p) in self.scope}
        left = [e for e in elements(row.values[name]) if e == "NULL" or (target.same(e),) not in gone]
        return {name: "{%s}" % ",".join(left)}

    def writes(self, edge):
        return edge.action() == "remove_element" or bool(self.new_values(edge))

    def work_out_changes(self):
        for edge, found in self.links.items():
            if edge.action() == "delete":
                continue
            self.touched[edge] = [row for row, parents in found.values() if any(id(parent) in self.scope for parent in parents)]
            rows = self.change_rows[edge] = [row for row in self.touched[edge] if id(row) not in self.scope]
            for row in rows:
                mine = self.changed.setdefault(id(row), {})
                values = self.without(edge, row) if edge.action() == "remove_element" else self.new_values(edge)
                for name, text in values.items():
                    if name in mine and mine[name] != text:
                        self.may.append(("stay", "two edges set one column differently"))
                    mine[name] = text

    def take_orphans(self):
        """Shared rows that rows of the scope refer to, and that nobody refers to when these are gone."""
        named = {id(p): p for edge, found in self.links.items() if edge.orphans for number, (_, parents) in found.items()
                 if number in self.scope for p in parents}
        for edge, found in self.links.items():
            for number, (_, parents) in found.items():
                if number not in self.scope:
                    for parent in parents:
                        named.pop(id(parent), None)
        self.scope.update(named)

    # ---- the end of the window of kept rows ---------------------------------------------------------------------------

    def kept_scope(self):
        """Rows that go when their own window is over, long after the erasure; None where it is not plain."""
        keeps = [edge for edge in self.change_rows if edge.action() == "keep"]
        if any(e.child is e.parent is edge.child and "action" not in (e.rule or {}) for edge in keeps for e in self.case.edges):
            return None  # would drag other rows along that were kept: "check" asks for an edge with an action
        if any(self.case.tables[0] in self.below(edge.child) for edge in keeps):
            return None  # would drag roots along: the same
        rows = [row for edge in keeps for row in self.change_rows[edge]]
        gone = self.closure(rows)
        for edge, found in self.links.items():
            for number, (row, parents) in found.items():
                named = [parent for parent in parents if id(parent) not in self.scope and id(row) not in self.scope]
                inside = [id(parent) in gone for parent in named]
                if (number in gone and not all(inside)) or (number not in gone and any(inside)):
                    return None
        return gone if rows and not any(row.table.habit for row in gone.values()) else None

    # ---- the end must be possible -------------------------------------------------------------------------------------

    def after(self, row, name):
        return self.changed.get(id(row), {}).get(name, row.values.get(name))

    def judge_end(self):
        for table in self.case.tables:
            left = [r for r in table.rows if id(r) not in self.scope]
            for column in table.columns:
                if (column.not_null or column.must_be or column.name in table.key) and not column.generated and \
                        any(self.after(r, column.name) is None for r in left):
                    self.must.append(("stay", "%s of %s would be NULL" % (column.name, table.title())))
            for key in [k for k in [table.key] + table.keys if k]:
                taken = [self.key_after(r, key) for r in left]
                taken = [k for k in taken if k is not None]
                if len(taken) != len(set(taken)):
                    self.must.append(("stay", "a key of %s would be there twice" % table.title()))
        for edge, found in self.links.items():
            if edge.declared:
                self.judge_edge(edge, found)
            elif not edge.form:
                self.judge_soft(edge)

    def judge_soft(self, edge):
        """A new value that names a row of the scope: no server sees to it."""
        gone = {self.key(p, edge.parent_columns) for p in edge.parent.rows if id(p) in self.scope and self.inside(p, edge.parent_part)}
        for row in edge.child.rows:
            if id(row) not in self.scope and set(self.changed.get(id(row), ())) & set(edge.child_columns):
                key = self.key_after(row, edge.child_columns)
                if key is not None and key in gone:
                    self.must.append(("stay", "a row of %s would refer to a row that goes" % row.table.title()))

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
                self.must.append(("stay", "a key MATCH FULL would be partly NULL"))
            key = self.key_after(row, edge.child_columns)
            if key is None or key in there:
                continue
            was = found.get(id(row))
            if was is not None and not was[1] and not set(self.changed.get(id(row), ())) & set(edge.child_columns):
                continue  # it referred to nothing before, and these columns are not touched
            self.must.append(("stay", "a row of %s would refer to nothing" % row.table.title()))


def elements(text):
    """Of an array of numbers or uuids."""
    return [e for e in text[1:-1].split(",") if e]
