# SPDX-License-Identifier: Apache-2.0
"""rows.py -- the rows of a case: who refers to whom, and what each holds."""

import json

from shapes import Row

ROOTS = 4  # subjects of a case at most; the first one has ended


class Rows:
    def make_rows(self):
        draw = self.draw
        for table in [t for t in self.tables if t is not self.trail]:
            count = draw.choice([2, 3, ROOTS]) if table.number == 0 else draw.choice([0, 4, 8, 12, 20, 30])
            for index in range(count):
                self.make_row(table, index)
            if not table.key and not table.keys:
                for row in list(table.rows):
                    if draw.random() < 0.3:
                        table.rows += [Row(table, row.values, row.home, row.tag) for _ in range(draw.randint(1, 2))]
        for edge in self.edges:
            if edge.late:
                self.fill_late(edge)
        for edge in self.edges:
            self.settle_defaults(edge)
            self.settle_not_null(edge)
        self.drop_doubles()
        roots = self.tables[0].rows
        self.subjects = roots[:draw.choice([1, 1, 2])] if self.policy and "habits" not in self.features else roots[:1]

    def choose_late(self, links):
        """Rows that are written after the archive: nothing refers to them."""
        self.late = set()
        if "late" not in self.features or self.direct or links is None or self.during_grace == "remove" or self.shared:
            return
        named = {id(parent) for found in links.values() for _, parents in found.values() for parent in parents}
        # what a key that is NOT VALID holds already cannot be inserted again
        dangling = {number for edge, found in links.items() for number, (_, parents) in found.items() if not parents and edge.declared}
        defaults = {edge.parent for edge in links if edge.action() == "set_default"}  # a row will refer to one of these
        rows = [r for t in self.tables[1:] if t.key and t not in defaults for r in t.rows if id(r) not in named | dangling]
        self.late = {r.tag for r in self.draw.sample(rows, min(len(rows), 6))}

    def make_row(self, table, index):
        draw = self.draw
        home = index if table.number == 0 else draw.randrange(len(self.tables[0].rows))
        if table.number and self.has("nobody", 0.15):
            home = None
        values = {}
        for edge in self.edges:
            if edge.child is table and not edge.late and not self.refer(edge, values, home):
                return
        for column in table.columns:
            if column.name in values or column.generated:
                continue
            values[column.name] = self.value(table, column, index)
        self.next_tag += 1
        values["tag"] = str(self.next_tag)
        table.rows.append(Row(table, values, home, self.next_tag))

    def value(self, table, column, index):
        """Keys of a child by inheritance may be those of its parent: nothing forbids it."""
        draw, base = self.draw, ((table.inherits or table).number + 7) * 1000
        if column.name == getattr(self, "ended_at", None) and table.number == 0:
            return None
        if column.values:
            return draw.choice(column.values)
        if table.parts and column.name == table.parts.column and table.parts.method == "list":
            return draw.choice(table.parts.values)
        if table.parts and column.name == table.parts.second:
            return str(draw.randint(1, 20))
        if column.kind is None:
            return None
        if column.kind.name == "enum":  # of the table that it was made for, which a child by inheritance is not
            base = (int(column.sql.rpartition(".e")[2]) + 7) * 1000
        if any(column.name in e.child_columns for e in self.edges if e.child is table):
            return None
        if len(table.key) > 1 and column.name.find("no") >= 0 and column.sql == "integer":
            return str(draw.randint(1, 6))
        if column.name in table.key and len(table.key) > 1 and not table.parts:
            return column.kind.write(base + index // 2)
        if not column.not_null and column.name not in table.key and draw.random() < 0.2:
            return None
        return column.kind.write(base + index + (500 if column.name not in table.key else 0))

    def in_part(self, row, part):
        return part is None or row.values[row.table.parts.column] == part

    def refer(self, edge, values, home, self_row=None):
        """Choose a parent for a new row.  False: it must have one, and there is none."""
        draw = self.draw
        strong = edge.action() == "delete"
        nullable = not all(edge.child.column(n).not_null for n in edge.child_columns)
        complete = [p for p in edge.parent.rows if self.in_part(p, edge.parent_part) and
                    all(p.values.get(n) is not None for n in edge.parent_columns)]
        alike = [p for p in complete if p.home == home] if not edge.parent.listed else complete
        if not edge.parent.listed and (self.has("mixed", 0.15) if strong else draw.random() < 0.4):
            alike = complete
        first = not any(e.child is edge.child and e is not edge and set(e.child_columns) & set(values) for e in self.edges)
        if nullable and draw.random() < (0.03 if first and strong else 0.25):
            alike = []
        enums = not edge.form and any(edge.child.column(n).kind.name == "enum" for n in edge.child_columns)
        if edge.not_valid and draw.random() < 0.1 and not edge.late and not enums:
            self.write(edge, values, None, dangling=True)
            return True
        if not alike:
            if not nullable:
                return False
            self.write(edge, values, None)
            return True
        self.write(edge, values, draw.choice(alike))
        return True

    def write_form(self, edge, values, parent):
        """A soft edge of another form: what refers to the parent; without one, what nearly refers to somebody."""
        draw, column = self.draw, edge.child_columns[0]
        target = edge.parent_columns[0]
        near = draw.choice(edge.parent.rows).values[target] if edge.parent.rows else None
        text = None if parent is None else parent.values[target]
        if edge.form == "where":
            if values.get(edge.where[0]) == "this" and values.get(column) is not None:
                return  # it refers elsewhere
            values[column], values[edge.where[0]] = (near, draw.choice(["other", None])) if parent is None else (text, edge.where[1])
        elif edge.form == "spelt":
            values[column] = draw.choice([None, "seven", "", "0" + (near or ""), " " + (near or ""), (near or "") + ".0"]) if parent is None else text
        elif edge.form == "json":
            whole = edge.parent.column(target).kind.name in ("bigint", "integer") and draw.random() < 0.3
            held = {"ref": int(text) if whole else text, "b": 1} if parent is not None else draw.choice([{}, {"other": near}, {"ref": None}, [near], None])
            values[column] = None if held is None else json.dumps(held, ensure_ascii=False)
        elif edge.form == "expression":
            values[column] = draw.choice([None, "", "ref:", "not:" + (near or "")]) if parent is None else "ref:" + text
        else:
            others = [p.values[target] for p in edge.parent.rows if p.values[target] is not None]
            if edge.action() == "delete":
                others = others if self.has("mixed", 0.2) else [text] if text else []
            elements = [text] * draw.choice([1, 1, 2]) if text else []
            elements += draw.sample(others, min(len(others), draw.choice([0, 1, 2]))) if parent is not None or edge.action() != "delete" else []
            draw.shuffle(elements)
            if draw.random() < 0.2:
                elements.append("NULL")
            values[column] = None if parent is None and not elements and draw.random() < 0.5 else "{%s}" % ",".join(elements)

    def write(self, edge, values, parent, dangling=False):
        if edge.form:
            self.write_form(edge, values, parent)
            return
        for number, (name, target) in enumerate(zip(edge.child_columns, edge.parent_columns)):
            column = edge.child.column(name)
            foreign = column.sql != edge.parent.column(target).sql
            if parent is not None:
                text = parent.values[target]
                if not foreign and self.has("spelling", 0.4):
                    text = column.kind.other(text)
            else:
                partly = len(edge.child_columns) > 1 and not edge.match_full and number == 0 and self.draw.random() < 0.3
                missing = column.kind.write((edge.parent.number + 7) * 1000 + 900)
                text = missing if dangling or (partly and column.kind.name != "enum") else None
            if text is not None and (foreign or column.sql != column.kind.sql.replace("{n}", str(edge.parent.number))):
                text = str(int(float(text))) if column.sql in ("bigint", "integer") else text.rstrip() if column.sql == "bpchar" else text
            values[name] = text

    def fill_late(self, edge):
        draw = self.draw
        seen = {}
        for row in edge.child.rows:
            if row.tag in seen:
                continue
            seen[row.tag] = True
            others = [p for p in edge.parent.rows if self.in_part(p, edge.parent_part) and
                      all(p.values.get(n) is not None for n in edge.parent_columns)]
            if edge.child is edge.parent and "cycles" not in self.features:
                others = [p for p in others if p.tag < row.tag]
            alike = [p for p in others if p.home == row.home]
            if (self.has("mixed", 0.15) if edge.action() == "delete" else draw.random() < 0.3):
                alike = others
            if edge.child.number == 0 and edge.parent.number == 0 and draw.random() < 0.7:
                alike = others
            self.write(edge, row.values, draw.choice(alike) if alike and draw.random() < 0.8 else None)

    def settle_not_null(self, edge):
        """Columns that were to be NOT NULL or checked and turned out otherwise; sometimes the other way round."""
        child = edge.child
        names = edge.child_columns
        full = all(r.values.get(n) is not None for r in child.rows for n in names)
        if edge.late and full and child.rows and not any(child in (t, t.inherits) for t in self.tables if t.inherits) and edge.child_part is None and self.draw.random() < 0.4 and edge.action() == "delete":
            for name in names:
                child.column(name).not_null = True
        for name in names:
            column = child.column(name)
            if column.must_be and any(r.values.get(name) is None for r in child.rows):
                column.must_be = False

    def settle_defaults(self, edge):
        if edge.action() != "set_default":
            return
        complete = [p for p in edge.parent.rows if self.in_part(p, edge.parent_part)]
        if complete and self.draw.random() < 0.7:
            others = [p for p in complete if p.home != 0]
            target = self.draw.choice(others if others and self.draw.random() < 0.8 else complete)
            if all(target.values.get(n) is not None for n in edge.parent_columns):
                values = {}
                self.write(edge, values, target)
                for name in edge.child_columns:
                    edge.child.column(name).default = values[name]

    def drop_doubles(self):
        """Rows whose key another row has; rows that refer to them, or to nothing where they must not, go as well."""
        again = True
        while again:
            again = False
            for table in self.tables:
                for key in [k for k in [table.key] + table.keys if k]:
                    taken = set()
                    for row in list(table.rows):
                        same = tuple(table.column(n).same(row.values[n]) for n in key)
                        if None in same:
                            continue
                        if same in taken:
                            table.rows.remove(row)
                            again = True
                        taken.add(same)
            for edge in self.edges:
                if edge.declared and not edge.not_valid:
                    again = self.drop_dangling(edge) or again

    def drop_dangling(self, edge):
        there = {self.key_of(edge, p, True) for p in edge.parent.rows if self.in_part(p, edge.parent_part)}
        changed = False
        for row in list(edge.child.rows):
            if not self.in_part(row, edge.child_part):
                continue
            key = self.key_of(edge, row, False)
            if None in key or key in there:
                continue
            columns = [edge.child.column(n) for n in edge.child_columns]
            if edge.child.number == 0 or not any(c.not_null for c in columns):
                for column in columns:
                    row.values[column.name] = None
                    column.must_be = column.not_null = False
            else:
                edge.child.rows.remove(row)
            changed = True
        return changed

    @staticmethod
    def key_of(edge, row, as_parent):
        names = edge.parent_columns if as_parent else edge.child_columns
        return tuple(row.table.column(n).same(row.values.get(n)) for n in names)
