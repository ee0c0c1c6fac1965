# SPDX-License-Identifier: Apache-2.0
"""cases.py -- a random schema, its rows and a configuration, all from one seed.

A case is drawn feature by feature; what it holds is plain data (tables, edges, rows) that both the SQL of this file and
the model read.  Every row has a tag: rows with the same tag are exact duplicates in a table without a key."""

import random
import re

import keytypes
from extras import Extras
from rows import Rows
from shapes import Column, Edge, Partitions, Table


def settable(name):
    return re.fullmatch("[a-z][a-z0-9_]*", name) is not None


FEATURES = {  # how often a seed that is not plain has it
    "names": 0.5, "schemas": 0.4, "types": 0.7, "composite": 0.5, "weak": 0.3, "shared": 0.2, "unique": 0.25,
    "alternate": 0.4, "keyless": 0.4, "partitions": 0.4, "attached": 0.5, "leaf_edges": 0.3, "self": 0.4, "back": 0.35,
    "several": 0.5, "soft": 0.4, "rules": 0.3, "set_null": 0.45, "set_default": 0.3, "match_full": 0.3, "subset": 0.3,
    "not_valid": 0.2, "deferrable": 0.4, "restrict": 0.5, "cascade": 0.6, "cross": 0.5, "spelling": 0.6, "payload": 0.7,
    "generated": 0.3, "identity": 0.3, "dropped": 0.3, "listed": 0.5, "mixed": 0.15, "checks": 0.1, "self_root": 0.08,
    "nobody": 0.4, "not_null_sets": 0.1, "cycles": 0.4, "keep": 0.3, "remove": 0.25, "direct": 0.2, "alike": 0.15, "late": 0.3, "indexes": 0.5,
    "forms": 0.5, "orphans": 0.25, "inherit": 0.25, "habits": 0.2, "unlogged": 0.3, "forgotten": 0.04, "policy": 0.15,
}


class Case(Extras, Rows):
    def __init__(self, seed):
        self.seed = seed
        self.draw = random.Random(seed)
        self.plain = self.draw.random() < 0.15
        chosen = {name: self.draw.random() < share for name, share in FEATURES.items()}
        self.features = {name for name, yes in chosen.items() if yes and not self.plain}
        self.tables, self.edges, self.next_tag = [], [], 9_000_000
        self.make_tables()
        self.shared = self.trail = None
        self.make_edges()
        self.make_extras()
        self.list_globals()
        self.settle_names()
        self.settle_habits()
        self.forget_one()
        self.make_rows()
        self.during_grace = "remove" if self.policy or self.has("remove") else "keep"
        self.batch = self.draw.choice([1, 2, 3, 7, 1000])
        self.direct = self.has("direct")  # past the grace period when first seen: no snapshot

    def has(self, feature, share=1.0):
        return feature in self.features and self.draw.random() < share

    # ---- names ------------------------------------------------------------------------------------------------------

    def table_name(self, number):
        if not self.has("names", 0.6):
            return "t%d" % number
        return self.draw.choice([
            'Größe "x" %d', "Upper Case%d", "it's %d", "select%d", "таблица %d", "back\\slash%d", "%d", "per%%cent {0} $1 %d",
            "n" * 60 + "%d", "ö" * 30 + "%d", " lead %d "]) % number

    def column_name(self, table, base):
        if not self.has("names", 0.3):
            return base
        name = self.draw.choice(['%s "q"', "Über %s", "%s's", "%s\\n", "%s order", "%s {0}", "c" * 55 + "%s"]) % base
        return name[:60] if base in name[:60] else base

    # ---- tables -----------------------------------------------------------------------------------------------------

    def make_tables(self):
        draw = self.draw
        count = draw.choice([1, 2, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12]) if not self.plain else draw.randint(2, 8)
        schemas = ["app"] + (["Other Schema", "третья"] if self.has("schemas") else [])
        self.kinds = keytypes.TYPES if "types" in self.features else keytypes.PLAIN
        for number in range(count):
            table = Table(number, draw.choice(schemas), self.table_name(number))
            table.listed = number > 0 and self.has("listed", 0.25)
            self.tables.append(table)
            self.make_columns(table)
        root = self.tables[0]
        root.columns.append(Column(self.column_name(root, "ended"), "timestamptz"))
        self.ended_at = root.columns[-1].name

    def key_column(self, table, base, kind=None, not_null=True):
        kind = kind or self.draw.choice(self.kinds)
        column = Column(self.column_name(table, base), kind.sql.replace("{n}", str(table.number)), kind, not_null)
        if kind.sql.startswith("prop.d") or kind.sql.startswith("prop.e"):
            column.needs = kind.needs
        table.columns.append(column)
        return column.name

    def make_columns(self, table):
        draw, shape = self.draw, "single"
        if table.number > 0:
            shapes = [s for s in ("composite", "weak", "shared", "unique", "keyless", "partitions") if s in self.features]
            if shapes and draw.random() < 0.55:
                shape = draw.choice(shapes)
        elif self.has("unique", 0.3):
            shape = "unique"
        if shape in ("weak", "shared") and table.listed:
            shape = "single"
        table.shape = shape
        if draw.random() < 0.3:
            self.payload(table)
        if shape in ("single", "unique"):
            table.key = [self.key_column(table, "id")]
            table.key_is_primary = shape == "single"
            column = table.column(table.key[0])
            column.identity = column.sql in ("bigint", "integer") and self.has("identity", 0.6)
        elif shape == "composite":
            table.key = [self.key_column(table, "id"), self.key_column(table, "no", keytypes.BY_NAME["integer"])]
            if draw.random() < 0.3:
                table.key.reverse()
        elif shape == "partitions":
            self.make_partitions(table)
        if shape in ("single", "unique") and self.has("alternate", 0.5):
            table.keys.append([self.key_column(table, "code", not_null=draw.random() < 0.5)])
        for _ in range(draw.randint(0, 2)):
            self.payload(table)
        table.columns.append(Column("tag", "bigint", keytypes.BY_NAME["bigint"], True))
        if self.has("generated", 0.5) and not (table.parts and table.parts.attached):
            column = Column(self.column_name(table, "made"), "bigint")
            column.generated = "tag"
            table.columns.append(column)
        table.dropped = self.has("dropped", 0.5)

    def payload(self, table):
        sql, values = ("text", ["a", "b", None])
        if self.has("payload", 0.8):
            sql, values = self.draw.choice(keytypes.PAYLOADS)
        column = Column(self.column_name(table, "p%d" % len(table.columns)), sql)
        column.values = values
        table.columns.append(column)

    def make_partitions(self, table):
        method = self.draw.choice(["list", "list", "hash", "two"])
        kinds = [k for k in self.kinds if k.name != "ltree" or method != "hash"]  # ltree cannot be hashed
        table.key = [self.key_column(table, "id", self.draw.choice(kinds))]
        if method == "hash":
            table.parts = Partitions("hash", table.key[0])
        else:
            part = self.key_column(table, "pt", keytypes.BY_NAME["text"])
            table.key.append(part)
            table.parts = Partitions("list", part)
            if method == "two":
                table.parts.second = self.key_column(table, "pu", keytypes.BY_NAME["integer"])
                table.key.append(table.parts.second)
            else:
                table.parts.attached = self.has("attached")

    # ---- edges ------------------------------------------------------------------------------------------------------

    def make_edges(self):
        draw = self.draw
        for table in self.tables[1:]:
            if table.listed:
                earlier = [t for t in self.tables[1:table.number] if t.listed and self.can_be_parent(t)]
                if earlier and draw.random() < 0.5:
                    self.make_edge(table, draw.choice(earlier), False)
                continue
            earlier = [t for t in self.tables[:table.number] if not t.listed and self.can_be_parent(t)]
            parent = draw.choice(earlier)
            if draw.random() < 0.3:
                parent = self.tables[0]
            self.make_edge(table, parent, table.shape in ("weak", "shared"))
            more = draw.choice([0, 0, 1, 1, 2]) if "several" in self.features else 0
            for _ in range(more):
                self.make_edge(table, draw.choice(earlier), False)
            known = [t for t in self.tables[1:table.number] if t.listed and self.can_be_parent(t)]
            if known and draw.random() < 0.5:
                self.make_edge(table, draw.choice(known), False)
            if self.has("self", 0.35) and self.can_be_parent(table):
                self.make_edge(table, table, False)
        if self.has("self_root"):
            self.make_edge(self.tables[0], self.tables[0], False)
        if "back" in self.features:
            for _ in range(draw.randint(1, 2)):
                child, parent = draw.choice(self.tables), draw.choice(self.tables)
                if parent.number > child.number and not parent.listed and not child.listed and self.can_be_parent(parent):
                    self.make_edge(child, parent, False)

    @staticmethod
    def can_be_parent(table):
        return bool(table.key or table.keys)

    def make_edge(self, child, parent, identifies):
        draw = self.draw
        keys = [k for k in [parent.key] + parent.keys if k]
        target = draw.choice(keys)
        if identifies:
            target = keys[0]
        elif len(target) > 1 and draw.random() < 0.3:
            target = target[::-1]
        edge = Edge(child, parent, [], list(target))
        edge.late = parent.number >= child.number
        soft = not identifies and self.has("soft", 0.35)
        nullable = not identifies and (draw.random() < 0.55 or edge.late)
        for name in target:
            column = parent.column(name)
            sql = column.sql
            if self.has("cross", 0.4) and column.kind.referencing:
                sql = draw.choice(column.kind.referencing)
            number = len(child.columns) if "alike" in self.features else 100 * len(self.edges) + len(edge.child_columns)
            made = Column(self.column_name(child, "r%d" % number), sql, column.kind, not nullable)
            child.columns.append(made)
            edge.child_columns.append(made.name)
        if identifies:
            child.key = list(edge.child_columns)
            if child.shape == "weak":
                child.key.append(self.key_column(child, "no", keytypes.BY_NAME["integer"]))
        edge.declared = not soft
        if not soft:
            self.draw_constraint(edge, nullable)
        self.draw_rule(edge, nullable, identifies)
        self.draw_leaves(edge)
        edge.constraint = "fk%d" % len(self.edges)
        self.edges.append(edge)

    def draw_constraint(self, edge, nullable):
        draw = self.draw
        choices = ["no action"] * 2
        choices += ["cascade"] * 2 if "cascade" in self.features else []
        choices += ["restrict"] if "restrict" in self.features else []
        if nullable or self.has("not_null_sets", 0.5):
            choices += ["set null"] * 2 if "set_null" in self.features else []
            choices += ["set default"] if "set_default" in self.features else []
        edge.on_delete = draw.choice(choices)
        edge.match_full = len(edge.child_columns) > 1 and self.has("match_full", 0.5)
        if edge.on_delete == "set null" and len(edge.child_columns) > 1 and self.has("subset", 0.7):
            edge.set_columns = [draw.choice(edge.child_columns)]
        if edge.on_delete != "restrict" and self.has("deferrable", 0.5):
            edge.deferrable = draw.choice([" deferrable", " deferrable initially deferred"])
        edge.not_valid = self.has("not_valid", 0.4) and not edge.child.parts and not edge.parent.parts
        if edge.on_delete == "set null" and nullable and self.has("checks", 0.5):
            edge.child.column(edge.child_columns[0]).must_be = True

    def draw_rule(self, edge, nullable, identifies):
        draw = self.draw
        if edge.child.listed:
            if not edge.declared:
                edge.declared = True
            edge.on_delete, edge.set_columns = "no action", None
            return
        if edge.declared and not self.has("rules", 0.25) and not (edge.child is edge.parent and edge.child.number == 0 and draw.random() < 0.6):
            return
        actions = ["delete"]
        if nullable and not identifies and not (edge.child.number == 0 and edge.parent.number == 0 and False):
            actions += ["set_null", "anonymise"] if "set_null" in self.features else []
            actions += ["set_default"] if "set_default" in self.features else []
        if not edge.declared and "keep" in self.features and not any(e.child is edge.child for e in self.edges):
            actions += ["keep"]
        action = draw.choice(actions)
        given = action != "delete" or edge.declared or draw.random() < 0.5
        edge.rule = {"action": action, "given": given, "set": {}}
        # the names of settings are what libconfig allows
        plain = [c for c in edge.child.columns if c.sql == "text" and c.values and not c.generated and settable(c.name)]
        if action == "anonymise" and not all(settable(n) for n in edge.child_columns):
            edge.rule["action"] = action = "set_null"
        if action == "anonymise":
            for name in edge.child_columns:
                edge.rule["set"][name] = ("NULL", None)
            if plain and draw.random() < 0.7:
                edge.rule["set"][draw.choice(plain).name] = ("'deleted ' || 'user'", "deleted user")
        elif action == "keep" and plain and draw.random() < 0.6:
            edge.rule["set"][draw.choice(plain).name] = ("'kept'::text", "kept")

    def draw_leaves(self, edge):
        if not edge.declared or edge.child is edge.parent or edge.rule:
            return
        child, parent = edge.child.parts, edge.parent.parts
        if child and child.method == "list" and self.has("leaf_edges", 0.5):
            edge.child_part = self.draw.choice(child.values)
            for name in edge.child_columns:
                edge.child.column(name).not_null = False
        if parent and parent.method == "list" and self.has("leaf_edges", 0.5):
            edge.parent_part = self.draw.choice(parent.values)

    def reached(self):
        """Tables whose rows may go: (by edges that delete, by any edge)."""
        gone, touched = {self.tables[0]}, {self.tables[0]}
        while True:
            more = {e.child for e in self.edges if e.parent in gone and e.action() == "delete"} - gone
            if not more:
                break
            gone |= more
        return gone, gone | {e.child for e in self.edges if e.parent in gone}

    def list_globals(self):
        gone, touched = self.reached()
        meant = {e.child for e in self.edges if e.rule and e.parent in gone}
        for table in self.tables:  # what a foreign key alone would change belongs to nobody
            table.listed = table is not self.shared and (table not in touched or (table not in gone and table not in meant))
        for edge in [e for e in self.edges if not e.declared and e.child.listed]:
            self.edges.remove(edge)
            kin = [t for t in self.tables if t.columns is edge.child.columns]  # by inheritance: the columns are the same
            used = {n for e in self.edges if e.child in kin for n in e.child_columns} | {n for t in kin for n in t.key}
            for name in set(edge.child_columns) - used:  # left behind, and empty
                column = edge.child.column(name)
                column.values, column.not_null = column.values or [None], False
                column.name = "left %d" % edge.child.columns.index(column)
        for edge in self.edges:
            if edge.child.listed:
                edge.rule = None

    def settle_names(self):
        """not_keys: columns that are called like the key of the root, most of them, and parts of keys of several columns,
        whose values may be keys of the root (which says nothing where another one is NULL)."""
        root = self.tables[0]
        whole = {(e.child, e.child_columns[0]) for e in self.edges if len(e.child_columns) == 1}
        self.not_keys = {(e.child, c): "part of another key" for e in self.edges if len(e.child_columns) > 1 for c in e.child_columns
                         if (e.child, c) not in whole}
        for table in self.tables[1:]:
            for column in table.columns:
                if column.name == root.key[0] and self.draw.random() < 0.7 and not any(e.child is table and column.name in e.child_columns for e in self.edges):
                    self.not_keys[(table, column.name)] = "its own key"
