# SPDX-License-Identifier: Apache-2.0
"""keytypes.py -- types of keys: how the n-th key is written, how else an equal one may be written, what equality means.

The model compares keys by "same", as the operators of PostgreSQL would; never by their text."""

import datetime
import decimal
import uuid


class KeyType:
    """sql: the column's type.  write(n): the n-th key as text, as PostgreSQL prints it.  other(text): an equal key that
    is written differently (or the same text).  same(text): a value that is equal for equal keys."""

    def __init__(self, name, sql, write, other=None, same=None, needs=None, referencing=None):
        self.name, self.sql, self.write = name, sql, write
        self.other = other or (lambda text: text)
        self.same = same or (lambda text: text)
        self.needs = needs  # a type or collation to create first: a statement with {n} for the table's number
        self.referencing = referencing or []  # other types of a column that may refer to this one


def a_date(n):
    if n % 7 == 3:
        return f"{1 + n % 4000:04d}-03-15 BC"
    return str(datetime.date(1990, 1, 1) + datetime.timedelta(days=n))


def a_time(n):
    day = datetime.datetime(2001, 1, 1) + datetime.timedelta(hours=n)
    return day.strftime("%Y-%m-%d %H:%M:%S+00")


def a_text(n):
    return ("key %d", "ключ-%d", 'a"b\'c %d', "tab\t%d", "back\\slash %d", "percent%%{%d}$1", "line\n%d")[n % 7] % n


TYPES = [
    KeyType("bigint", "bigint", str, same=int, referencing=["integer"]),
    KeyType("integer", "integer", str, same=int, referencing=["bigint"]),
    KeyType("uuid", "uuid", lambda n: str(uuid.UUID(int=(n * 0x1234567890ABCDEF1234567 + n) % 2**128)), same=str.lower),
    KeyType("text", "text", a_text, referencing=["varchar(60)"]),
    KeyType("varchar", "varchar(60)", a_text, referencing=["text"]),
    KeyType("citext", "citext", lambda n: "Key%dAb" % n, other=str.swapcase, same=str.lower),
    KeyType("collated", 'text collate prop.ci', lambda n: "Key%dÄb" % n, other=str.swapcase, same=str.lower),
    KeyType("enum", "prop.e{n}", lambda n: "L%d é" % n, needs="create type prop.e{n} as enum ({labels})"),
    KeyType("domain", "prop.d{n}", str, same=int, needs="create domain prop.d{n} as bigint check (value > 0)",
            referencing=["bigint"]),
    KeyType("textdomain", "prop.dt{n}", lambda n: "dom-%d" % n, needs="create domain prop.dt{n} as text check (value <> '')",
            referencing=["text"]),
    KeyType("date", "date", a_date),
    KeyType("numeric", "numeric", lambda n: "%d.0" % n, other=lambda text: text + "0", same=decimal.Decimal, referencing=["bigint"]),
    KeyType("timestamptz", "timestamptz", a_time),
    KeyType("char", "char(12)", lambda n: ("c%d" % n).ljust(12), same=str.rstrip, referencing=["bpchar"]),
    KeyType("bytea", "bytea", lambda n: "\\x00%08x5c" % n),
    KeyType("ltree", "ltree", lambda n: "top.n%d.leaf" % n),
]
BY_NAME = {t.name: t for t in TYPES}
PLAIN = [BY_NAME["bigint"], BY_NAME["integer"], BY_NAME["text"], BY_NAME["uuid"]]

# Columns that are nobody's key: type, values.
PAYLOADS = [
    ("text", ["\\N", "\\.", "", "a\tb\nc\\d", "ünïcödé ☃", "x" * 3000, "NULL", "\r\n", None]),
    ("bytea", ["\\x", "\\x00ff5c6e", "\\x" + "00" * 40, None]),
    ("float8", ["NaN", "Infinity", "-Infinity", "-0", "0.1", "1e-300", None]),
    ("numeric", ["NaN", "-123456789012345678901234567890.000", "0.00", None]),
    ("timestamptz", ["infinity", "-infinity", "0044-03-15 12:00:00+00 BC", "294276-12-31 23:59:59+00", None]),
    ("date", ["infinity", "4713-01-01 BC", "5874897-12-31", None]),
    ("jsonb", ['{"a": [1, null, "\\\\N"]}', "null", '"x\\ty"', "{}", None]),
    ("json", ['{ "a":1,"a":2 }', "[1, 2]", None]),
    ("text[]", ["{}", '{a,NULL,"NULL","b\\"c","\\\\N"}', "[2:3]={x,y}", "{{a,b},{c,d}}", None]),
    ("int4multirange", ["{}", "{[-900,-800),[-700,-600)}", None]),
    ("interval", ["1 year 2 mons 3 days 04:05:06.789", "-1 days", None]),
    ("inet", ["10.0.0.1/8", "::1", None]),
    ("boolean", ["t", "f", None]),
    ("prop.pair", ['(,"a""b")', "(-5,\\\\N)", "(,)", None]),
    ("xml", ["<a>b</a>", None]),
    ("tsvector", ["'a':1 'b':2", None]),
    ("bit varying(9)", ["101", "", None]),
    ("point", ["(1,2)", None]),
]
