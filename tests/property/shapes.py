# SPDX-License-Identifier: Apache-2.0
"""shapes.py -- what a case is made of: tables, columns, edges, rows.  Plain data, read by the SQL and by the model."""


class Column:
    def __init__(self, name, sql, kind=None, not_null=False):
        self.name, self.sql, self.kind, self.not_null = name, sql, kind, not_null
        self.default = None  # text of a value
        self.generated = None  # ("upper", name of the column)
        self.identity = False
        self.must_be = False  # check (… is not null), which says the same as NOT NULL in another place
        self.values = None  # payload: values to draw from

    def same(self, text):
        return None if text is None else self.kind.same(text)


class Table:
    def __init__(self, number, schema, name):
        self.number, self.schema, self.name = number, schema, name
        self.columns = []
        self.key = []  # names
        self.key_is_primary = True
        self.keys = []  # further unique keys, lists of names
        self.parts = None  # a Partitions
        self.listed = False  # in global_tables
        self.rows = []
        self.dropped = False  # a column was dropped
        self.inherits = None  # a Table: this one is its child by classic inheritance
        self.unlogged = False
        self.habit = None  # what stands on it: a trigger, a rule, row security (HABITS in extras.py)
        self.shape = "single"

    def column(self, name):
        return next(c for c in self.columns if c.name == name)

    def title(self):
        return self.schema + "." + self.name


class Partitions:
    def __init__(self, method, column, second=None):
        self.method, self.column, self.second = method, column, second
        self.values = ["a", "b", "c"]
        self.attached = False


class Edge:
    def __init__(self, child, parent, child_columns, parent_columns):
        self.child, self.parent = child, parent
        self.child_columns, self.parent_columns = child_columns, parent_columns
        self.declared = True
        self.on_delete = "no action"
        self.set_columns = None  # SET NULL (column)
        self.match_full = False
        self.deferrable = ""
        self.not_valid = False
        self.child_part = self.parent_part = None  # value of the list partition that the key sits on, or points at
        self.rule = None  # {"action": …, "given": bool, "set": {column: (sql, text)}}
        self.form = None  # of a soft edge: "where", "spelt", "json", "expression", "array"; None: columns that are equal
        self.where = None  # (column, value): only such rows refer
        self.orphans = False  # rows of the parent go with the last that refers to them
        self.late = False  # filled after all rows are there
        self.constraint = None

    def action(self):
        if self.rule:
            return self.rule["action"]
        return {"set null": "set_null", "set default": "set_default"}.get(self.on_delete, "delete")

    def title(self):
        return "%s(%s) -> %s(%s) %s%s" % (self.child.title(), ",".join(self.child_columns), self.parent.title(),
                                        ",".join(self.parent_columns), self.on_delete if self.declared else "soft",
                                        " rule " + self.rule["action"] if self.rule else "")


class Row:
    __slots__ = ("table", "values", "home", "tag")

    def __init__(self, table, values, home, tag):
        self.table, self.values, self.home, self.tag = table, values, home, tag
