# SPDX-License-Identifier: Apache-2.0
"""extras.py -- what a schema may hold beside tables and foreign keys: soft edges of every form, shared rows, children by
classic inheritance, triggers, rules, row security, tables that nobody classified, a policy instead of a subject."""

import copy

import keytypes
from shapes import Column, Edge, Table

FORMS = ["where", "spelt", "json", "expression", "array"]
SPELT = ["bigint", "integer", "uuid"]  # keys that a text may spell
HABITS = {  # what may stand on a table, and how often
    "trail": 3,  # a trigger AFTER DELETE writes the row's tag into another table
    "quiet": 2,  # a trigger BEFORE DELETE that does nothing
    "hidden": 2,  # row security, which the role of the test bypasses
    "null": 1,  # a trigger BEFORE DELETE returns NULL
    "refuse": 1,  # a trigger BEFORE DELETE refuses a direct one
    "frozen": 1,  # a trigger BEFORE UPDATE refuses
    "rule": 1,  # ON DELETE DO INSTEAD NOTHING
}


class Extras:
    def make_extras(self):
        self.policy = self.has("policy")
        self.make_forms()
        self.make_shared()
        self.make_heirs()

    # ---- soft edges that are more than equal columns ----------------------------------------------------------------

    def make_forms(self):
        for table in [t for t in self.tables[1:] if not t.listed and t.shape not in ("weak", "shared")]:
            form = self.draw.choice(FORMS)
            if self.has("forms", 0.4):
                self.make_form(table, form)

    def form_parents(self, child, form):
        kinds = SPELT + (["text", "varchar"] if form in ("where", "json", "expression") else [])
        return [(p, key[0]) for p in self.tables[:child.number] if not p.listed and not p.parts
                for key in [p.key] + p.keys if len(key) == 1 and p.column(key[0]).kind.name in kinds]

    def make_form(self, child, form):
        parents = self.form_parents(child, form)
        if not parents:
            return
        parent, target = self.draw.choice(parents)
        edge = self.form_edge(child, parent, target, form)
        if form != "where":
            return
        edge.where = ("w%d" % len(self.edges), "this")
        column = Column(edge.where[0], "text")
        column.values = ["this", "that", "other", None]
        child.columns.append(column)
        alike = [(p, t) for p, t in parents if p is not parent and p.column(t).sql == parent.column(target).sql]
        if alike and self.draw.random() < 0.6:  # polymorphic: the same columns refer elsewhere
            other = self.form_edge(child, *self.draw.choice(alike), form, edge.child_columns[0])
            other.where = (edge.where[0], "that")

    def form_edge(self, child, parent, target, form, shared=None):
        sql = {"where": parent.column(target).sql, "spelt": "text", "json": "jsonb", "expression": "text",
               "array": parent.column(target).sql + "[]"}[form]
        edge = Edge(child, parent, [shared or "f%d" % len(self.edges)], [target])
        edge.declared, edge.form = False, form
        if shared is None:
            child.columns.append(Column(edge.child_columns[0], sql, parent.column(target).kind if form == "where" else None))
        actions = {"where": ["delete", "delete", "set_null"], "spelt": ["delete", "delete", "set_null"], "json": ["delete", "anonymise"],
                   "expression": ["delete", "anonymise"], "array": ["remove_element", "remove_element", "delete"]}[form]
        action = self.draw.choice(actions) if child.key else "delete"
        edge.rule = {"action": action, "given": action != "delete" or form == "array" or self.draw.random() < 0.4, "set": {}}
        if action == "anonymise":
            edge.rule["set"][edge.child_columns[0]] = ("'{}'::jsonb", "{}") if form == "json" else ("'nobody'", "nobody")
        edge.constraint = "fk%d" % len(self.edges)
        self.edges.append(edge)
        return edge

    # ---- shared rows ------------------------------------------------------------------------------------------------

    def make_shared(self):
        gone, _ = self.reached()
        owners = [t for t in self.tables[1:] if t in gone and t.shape not in ("weak", "shared")]
        if not owners or not self.has("orphans", 0.7):
            return
        shared = Table(len(self.tables), "app", "shared %d" % len(self.tables))
        shared.key = [self.key_column(shared, "id")]
        self.payload(shared)
        shared.columns.append(Column("tag", "bigint", keytypes.BY_NAME["bigint"], True))
        self.tables.append(shared)
        self.shared = shared
        for owner in self.draw.sample(owners, min(len(owners), self.draw.choice([1, 2]))):
            edge = self.shared_edge(owner, self.draw.random() < 0.7)
            edge.rule = {"action": "delete", "given": False, "set": {}}
            edge.orphans = True
        others = [t for t in self.tables[1:-1] if t.shape not in ("weak", "shared") and t.listed or (t not in gone and self.draw.random() < 0.3)]
        if others and self.draw.random() < 0.6:
            self.shared_edge(self.draw.choice(others), True)

    def shared_edge(self, child, declared):
        shared = self.tables[-1]
        edge = Edge(child, shared, ["s%d" % len(self.edges)], [shared.key[0]])
        column = shared.column(shared.key[0])
        child.columns.append(Column(edge.child_columns[0], column.sql, column.kind))
        edge.declared, edge.late = declared, True
        edge.constraint = "fk%d" % len(self.edges)
        self.edges.append(edge)
        return edge

    # ---- classic inheritance ----------------------------------------------------------------------------------------

    def make_heirs(self):
        for table in list(self.tables[1:]):
            if not table.parts and table is not self.shared and self.has("inherit", 0.25):
                self.make_heir(table)

    def make_heir(self, table):
        """A child of the table, whose rows none of the table's keys and edges cover: it has edges of its own."""
        heir = Table(len(self.tables), table.schema, "heir %d" % len(self.tables))
        heir.inherits, heir.columns, heir.shape, heir.listed = table, table.columns, table.shape, table.listed
        heir.key = list(table.key) if table.key and (table.shape in ("weak", "shared") or self.draw.random() < 0.85) else []
        self.tables.append(heir)
        for edge in [e for e in self.edges if e.child is table]:
            twin = copy.copy(edge)
            twin.child, twin.rule = heir, copy.deepcopy(edge.rule)
            if edge.parent is table:
                twin.parent = heir
                if not heir.key or edge.parent_columns != heir.key:
                    continue
            twin.constraint = "fk%d" % len(self.edges)
            if twin.declared and not twin.rule and not heir.listed and twin.action() == "delete" and self.draw.random() < 0.4:
                twin.declared, twin.rule = False, {"action": "delete", "given": False, "set": {}}
            self.edges.append(twin)

    # ---- what stands on a table -------------------------------------------------------------------------------------

    def settle_habits(self):
        for table in self.tables[1:]:
            if self.has("habits", 0.3):
                table.habit = self.draw.choice([h for h, weight in HABITS.items() for _ in range(weight)])
            if table.habit == "trail":
                self.make_trail()
            pointed = any(e.declared and e.parent is table and e.child is not table for e in self.edges)
            table.unlogged = not pointed and not table.parts and not table.inherits and self.has("unlogged", 0.5)

    def make_trail(self):
        if self.trail is None:
            self.trail = Table(len(self.tables), "app", "trail")
            self.trail.columns = [Column("what", "text"), Column("tag", "bigint", keytypes.BY_NAME["bigint"], True)]
            self.trail.listed = True
            self.tables.append(self.trail)

    # ---- tables that nobody classified ------------------------------------------------------------------------------

    def forget_one(self):
        """A table that belongs into global_tables and is not there."""
        forgotten = [t for t in self.tables if t.listed and t is not self.trail]
        if forgotten and self.has("forgotten"):
            self.draw.choice(forgotten).listed = False
