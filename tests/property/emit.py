# SPDX-License-Identifier: Apache-2.0
"""emit.py -- a case as SQL and as a configuration of expunge."""

import re


def ident(name):
    return '"' + name.replace('"', '""') + '"'


def idents(names):
    return ", ".join(ident(n) for n in names)


def literal(text):
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"


def place(table):
    return ident(table.schema) + "." + ident(table.name)


def part_place(table, value):
    return ident(table.schema) + "." + ident("part %d %s" % (table.number, value))


TEMPLATE = """
create extension citext;
create extension ltree;
create schema prop;
create collation prop.ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create type prop.pair as (a integer, b text);
"""


def schema_sql(case):
    out = []
    for name in sorted({t.schema for t in case.tables}):
        out.append("create schema %s;" % ident(name))
    made = set()
    for table in case.tables:
        for column in table.columns:
            needs = getattr(column, "needs", None)
            if needs and column.sql not in made:
                made.add(column.sql)
                base = (table.number + 7) * 1000
                labels = ", ".join(literal(column.kind.write(base + n)) for part in (0, 500, 900) for n in range(part, part + 40))
                out.append(needs.replace("{n}", str(table.number)).replace("{labels}", labels) + ";")
    for table in case.tables:
        out += table_sql(table)
    for table in case.tables:
        out += habit_sql(table, case)
    return out


def column_sql(column, identity=True):
    text = "%s %s" % (ident(column.name), column.sql)
    if column.generated:
        return text + " generated always as (%s * 2) stored" % ident(column.generated)
    if column.not_null:
        text += " not null"
    if column.must_be:
        text += " constraint %s check (%s is not null)" % (ident("must " + column.name[-20:]), ident(column.name))
    if column.identity and identity:
        return text + " generated always as identity"
    if column.default is not None:
        text += " default %s" % literal(column.default)
    return text


def table_sql(table):
    columns = [column_sql(c) for c in table.columns] if not table.inherits else []
    if table.dropped:
        columns.insert(len(columns) // 2, "dropped integer default 7")
    constraints = []
    if table.key and table.key_is_primary:
        constraints.append("primary key (%s)" % idents(table.key))
    if table.key and not table.key_is_primary:
        constraints.append("unique (%s)" % idents(table.key))
    constraints += ["unique (%s)" % idents(key) for key in table.keys]
    parts = table.parts
    by = " partition by %s (%s)" % (parts.method, ident(parts.column)) if parts else ""
    by += " inherits (%s)" % place(table.inherits) if table.inherits else ""
    out = ["create %stable %s (%s)%s;" % ("unlogged " if table.unlogged else "", place(table), ", ".join(columns + constraints), by)]
    if table.dropped:
        out.append("alter table %s drop column dropped;" % place(table))
    if parts and parts.method == "hash":
        for number in range(2):
            out.append("create table %s partition of %s for values with (modulus 2, remainder %d);" % (part_place(table, number), place(table), number))
    if parts and parts.method == "list":
        for value in parts.values:
            out += part_sql(table, value)
    return out


HABITS = {
    "trail": ("begin insert into app.trail (what, tag) values ('gone', old.tag); return null; end", "after delete"),
    "quiet": ("begin return old; end", "before delete"),
    "null": ("begin return null; end", "before delete"),
    "refuse": ("begin if pg_trigger_depth() < 2 then raise exception 'only by cascade'; end if; return old; end", "before delete"),
    "frozen": ("begin raise exception 'append only'; end", "before update"),
}


def habit_sql(table, case):
    if table.habit == "hidden":
        return ["alter table %s enable row level security;" % place(table), "create policy nobody on %s using (false);" % place(table)]
    if table.habit == "rule":
        return ["create rule nothing as on delete to %s do instead nothing;" % place(table)]
    if table.habit is None:
        return []
    body, moment = HABITS[table.habit]
    function = ident(case.tables[0].schema) + ".habit_%d" % table.number
    return ["create function %s() returns trigger language plpgsql as $habit$ %s $habit$;" % (function, body),
            "create trigger habit %s on %s for each row execute function %s();" % (moment, place(table), function)]


def part_sql(table, value):
    here, parts = part_place(table, value), table.parts
    if parts.second:
        out = ["create table %s partition of %s for values in ('%s') partition by range (%s);" % (here, place(table), value, ident(parts.second))]
        for low, high in ((0, 10), (10, 30)):
            out.append("create table %s partition of %s for values from (%d) to (%d);" % (part_place(table, value + str(low)), here, low, high))
        return out
    if parts.attached and value == "b":
        columns = ["gone text"] + [column_sql(c) for c in reversed(table.columns)]
        return ["create table %s (%s);" % (here, ", ".join(columns)), "alter table %s drop column gone;" % here,
                "alter table %s attach partition %s for values in ('%s');" % (place(table), here, value)]
    if value == parts.values[-1]:
        return ["create table %s partition of %s default;" % (here, place(table))]
    return ["create table %s partition of %s for values in ('%s');" % (here, place(table), value)]


def empty_sql(case):
    """Back to TEMPLATE: away with what this case made."""
    return "".join("drop schema if exists %s cascade;\n" % ident(name) for name in sorted({t.schema for t in case.tables})) + "".join(
        "drop type if exists %s cascade;\n" % c.sql for t in case.tables for c in t.columns if c.sql.startswith("prop.") and hasattr(c, "needs"))


def rows_sql(case, late=False):
    out = []
    for table in case.tables:
        columns = [c for c in table.columns if not c.generated]
        if not table.rows:
            continue
        lines = []
        for row in table.rows:
            if (row.tag in case.late) != late:
                continue
            values = [row.values.get(c.name) for c in columns]
            texts = [literal(v) for v in values]
            if table.number == 0 and (case.policy or row in case.subjects):
                ago = ("100 days" if row in case.subjects else "1 day") if case.policy else "3 days" if case.direct else "1 hour"
                texts[[c.name for c in columns].index(case.ended_at)] = "now() - interval '%s'" % ago
            lines.append("insert into %s (%s) overriding system value values (%s);" % (place(table), idents(c.name for c in columns), ", ".join(texts)))
        out += lines
    return out


def edge_sql(edge, case):
    child = place(edge.child) if edge.child_part is None else part_place(edge.child, edge.child_part)
    parent = place(edge.parent) if edge.parent_part is None else part_place(edge.parent, edge.parent_part)
    text = "alter table %s add constraint %s foreign key (%s) references %s (%s)" % (child, edge.constraint, idents(edge.child_columns), parent, idents(edge.parent_columns))
    if edge.match_full:
        text += " match full"
    text += " on delete " + edge.on_delete
    if edge.set_columns:
        text += " (%s)" % idents(edge.set_columns)
    text += edge.deferrable
    return text + (" not valid" if edge.not_valid else "") + ";"


def edges_sql(case):
    out = [edge_sql(e, case) for e in case.edges if e.declared]
    if "indexes" in case.features:
        out += ["create index on %s (%s);" % (place(e.child), idents(e.child_columns)) for e in case.edges]
    return out


def case_sql(case):
    return "\n".join(schema_sql(case) + rows_sql(case) + edges_sql(case)) + "\n"


# ---- the configuration ----------------------------------------------------------------------------------------------

def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def name(text):
    """A name as the configuration takes it: as SQL does, in double quotes where it must be."""
    return text if re.fullmatch("[a-z][a-z0-9_]*", text) else ident(text)


def names(table):
    return name(table.schema) + "." + name(table.name)


def form_sql(edge):
    """What a soft edge of another form than equal columns says of itself."""
    column = ident(edge.child_columns[0])
    return {
        None: "", "spelt": "", "where": " where = %s;" % quoted("%s = '%s'" % (edge.where or ("", ""))),
        "json": " expression = %s;" % quoted(column + "->>'ref'"),
        "expression": " expression = %s;" % quoted("case when %s like 'ref:%%' then substr(%s, 5) end" % (column, column)),
        "array": ' match = "element";'}[edge.form]


def edge_rule(edge):
    text = "{ from = %s; to = %s;" % (quoted("%s(%s)" % (names(edge.child), ", ".join(map(name, edge.child_columns)))),
                                      quoted("%s(%s)" % (names(edge.parent), ",".join(map(name, edge.parent_columns)))))
    text += form_sql(edge)
    if edge.rule["given"]:
        text += ' action = "%s";' % edge.rule["action"]
    if edge.orphans:
        text += ' orphans = "delete";'
    if edge.rule["action"] == "keep":
        text += ' keep_for = "10 years"; purpose = "tax records"; basis = "GDPR Art. 6(1)(c)";'
    if edge.rule["set"]:
        text += " set = { %s };" % " ".join("%s = %s;" % (column, quoted(sql)) for column, (sql, _) in edge.rule["set"].items())
    return text + " }"


def not_keys(case):
    lines = ('{ columns = %s; why = %s; }' % (quoted("%s(%s)" % (names(table), name(column))), quoted(why)) for (table, column), why in case.not_keys.items())
    return ", ".join(sorted(lines))


def owner(case):
    """The subject, or the policy whose expired rows are the roots."""
    root = case.tables[0]
    facts = {"root": quoted(names(root)), "column": quoted(name(root.key[0])), "ended": quoted(name(case.ended_at)), "during": case.during_grace,
             "grace": "" if case.policy and case.direct else ' grace = "1 day";', "not_keys": not_keys(case),
             "edges": ",\n      ".join(edge_rule(e) for e in case.edges if e.rule)}
    if case.policy:
        return """policies = (
  { name = "old"; class = "things"; table = %(root)s; age = %(ended)s; keep_for = "90 days";%(grace)s
    purpose = "p"; basis = "b";
    edges = (
      %(edges)s
    ); }
);""" % facts
    return """subjects = (
  { kind = "thing"; root = %(root)s; key = %(column)s; ended_at = %(ended)s;%(grace)s during_grace = "%(during)s";
    edges = (
      %(edges)s
    );
    not_keys = ( %(not_keys)s ); }
);""" % facts


def configuration(case, directory, conninfo, key):
    return """worker = {
  state_dir = "%(dir)s/state"; master_key = "file:%(key)s";
  batch = { target_ms = 1000; max_rows = %(batch)d; }; pace = { duty = 1.0; };
};
databases = ( { name = "db"; conninfo = %(conninfo)s; } );
%(owner)s
stores = ( { name = "s"; kind = "directory"; role = "snapshots"; path = "%(dir)s/snapshots"; } );
global_tables = [ %(globals)s ];
safety = { max_share = 1.0; allow_as_of = true; };
end = true;
""" % {"dir": directory, "key": key, "conninfo": quoted(conninfo), "batch": case.batch, "owner": owner(case),
       "globals": ", ".join(quoted(names(t)) for t in case.tables if t.listed)}
