#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# traps_keys.sh -- keys of every type, keys that are equal and differ in text, names that need quotes, several schemas, exact
# duplicates, generated, identity and dropped columns.
. "$(dirname "$0")/../support/traps.sh"
cluster_shared

# ---- keys of every type ---------------------------------------------------------------------------------------------------

# One case per type: a root of its own, a child, a grandchild by a unique key, and a soft edge.
key_type() # NAME TYPE VALUE1 VALUE2 VALUE3 [SETUP]
{
    trap_schema "key_$1" <<END
${6:-}
create table t.owner (id $2 primary key, ended_at timestamptz);
create table t.owned (id $2 primary key, owner_id $2 references t.owner);
create table t.below (nr integer primary key, owned_id $2 references t.owned);
create table t.soft (nr integer primary key, owner_id $2);
insert into t.owner values ($3, now() - interval '3 days'), ($4, null), ($5, null);
insert into t.owned select id, id from t.owner;
insert into t.below select row_number() over (), id from t.owned, generate_series(1, 3);
insert into t.soft select row_number() over (), id from t.owned, generate_series(1, 3);
insert into t.soft values (0, null);
END
    TRAP_NOT_KEYS='{ columns = "t.owned(id)"; why = "no key"; }' trap_house '{ from = "t.soft(owner_id)"; to = "t.owner(id)"; }' '"t.root"' t.owner
    goes t.owner "id::text = ($3)::$2::text" t.owned "id::text = ($3)::$2::text" t.below "owned_id::text = ($3)::$2::text" t.soft "owner_id::text = ($3)::$2::text"
    trap_erased "a key of type $2"
}
key_type bigint bigint 9223372036854775807 -9223372036854775808 0
key_type uuid uuid "'00000000-0000-4000-8000-00000000000a'" "'00000000-0000-4000-8000-00000000000b'" "'ffffffff-ffff-ffff-ffff-ffffffffffff'"
key_type text text "E'a\\'b\\\\c \"d\" ß\\n.'" "'a'" "' '"
key_type enum t.mood "'it''s'" "'sad'" "'SAD'" "create type t.mood as enum ('sad', 'SAD', 'it''s');"
key_type domain t.positive 1 2 3 'create domain t.positive as numeric(10, 2) check (value > 0);'
key_type date date "'-infinity'" "'4713-01-01 BC'" "'infinity'"
key_type composite t.pair "'(1,\"a,b\")'::t.pair" "'(1,a)'::t.pair" "'(2,\"a,b\")'::t.pair" 'create type t.pair as (a integer, b text);'
key_type ltree o.ltree "'a.b'" "'a'" "'a.b.c'" "create schema o; create extension ltree schema o;"
key_type bytea bytea "'\\x00ff'" "'\\x00'" "'\\xff'"
key_type real real "'NaN'" 0.1 "'Infinity'"
key_type int8range int8range "'[1,5)'" "'empty'" "'(,)'"

# ---- keys that are equal and differ in text -------------------------------------------------------------------------------

for schema in public o; do
    [ $schema = public ] && setup='create extension citext;' || setup='create schema o; create extension citext schema o;'
    trap_schema "citext_$schema" <<END
$setup
create table t.owner (id $schema.citext primary key, ended_at timestamptz);
create table t.owned (id $schema.citext primary key, owner_id $schema.citext references t.owner);
create table t.below (nr integer primary key, owned_id $schema.citext references t.owned);
create table t.soft (nr integer primary key, owner_id $schema.citext);
insert into t.owner values ('Anna', now() - interval '3 days'), ('Ann', null), ('ännä', null);
insert into t.owned values ('One', 'anna'), ('two', 'ANNA'), ('three', 'ANN'), ('four', 'ännä');
insert into t.below values (1, 'ONE'), (2, 'one'), (3, 'TWO'), (4, 'THREE'), (5, null);
insert into t.soft values (1, 'aNNA'), (2, 'aNN'), (3, null);
END
    trap_house '{ from = "t.soft(owner_id)"; to = "t.owner(id)"; }' '"t.root"' t.owner
    sql "$TRAP" "insert into expunge.hold (kind, subject_key, type, reason, placed_by) values ('thing', 'ANNA', 'legal', 'r', 'me')" >"$WORK/.hold" 2>&1 ||
        not_ok "citext in schema $schema: a hold can be placed" "$(cat "$WORK/.hold")"
    trap_digests "$TRAP" now >"$WORK/$TRAP.before"
    run x run
    expect_equal "citext in schema $schema: a hold with another spelling of the key counts" "$(cat "$WORK/$TRAP.before")" "$(trap_digests "$TRAP" now)"
    sql "$TRAP" "update expunge.hold set released_at = now(), released_by = 'me', release_reason = 'r'" >"$WORK/.hold" 2>&1 ||
        sql "$TRAP" "update expunge.hold set released_at = now()"
    goes t.owner "id::text = 'Anna'" t.owned "lower(owner_id::text) = 'anna'" t.below 'nr <= 3' t.soft 'nr = 1'
    trap_erased "citext in schema $schema: keys equal in all their spellings"
done

trap_schema same_values <<'END'
create table t.owner (id numeric primary key, ended_at timestamptz);
create table t.owned (id char(5) primary key, owner_id numeric(10, 3) references t.owner);
create table t.below (nr integer primary key, owned_id varchar(9) references t.owned, owner_id bigint references t.owner);
insert into t.owner values (1.0, now() - interval '3 days'), (1.01, null), (10, null);
insert into t.owned values ('a', 1.00), ('ab', 1.010), ('b', 10);
insert into t.below values (1, 'a  ', null), (2, 'a', 1), (3, 'ab', 10), (4, 'b ', null), (5, null, 1);
END
trap_house '' '"t.root"' t.owner
sql "$TRAP" "delete from t.below where nr = 3"
goes t.owner 'id = 1' t.owned 'owner_id = 1' t.below 'nr in (1, 2, 5)'
trap_erased 'numeric 1.0 and 1.00, char(5) and varchar with spaces at the end'

trap_schema collated <<'END'
create collation t.ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create table t.owner (id text collate t.ci primary key, ended_at timestamptz);
create table t.owned (id text collate "C" primary key, owner_id text references t.owner);
create table t.below (nr integer primary key, owned_id text collate "POSIX" references t.owned, owner_id text collate t.ci references t.owner, x text collate t.ci unique);
create table t.last (nr integer primary key, x text collate "C" references t.below (x));
create table t.soft (nr integer primary key, owner_id text);
insert into t.owner values ('Anna', now() - interval '3 days'), ('Ann', null), ('Änna', null);
insert into t.owned values ('a', 'anna'), ('A', 'ANN'), ('b', 'Anna');
insert into t.below values (1, 'a', null, 'Xa'), (2, 'A', 'ann', 'xb'), (3, null, 'ANNA', 'xC'), (4, 'A', null, 'xd');
insert into t.last values (1, 'XA'), (2, 'XB'), (3, 'Xc');
insert into t.soft values (1, 'aNNa'), (2, 'ANN');
END
trap_house '{ from = "t.soft(owner_id)"; to = "t.owner(id)"; }' '"t.root"' t.owner
goes t.owner "id = 'Anna'" t.owned "owner_id in ('anna', 'Anna')" t.below 'nr in (1, 3)' t.last 'nr in (1, 3)' t.soft 'nr = 1'
trap_erased 'collations: nondeterministic, C, and keys that refer across them'

# ---- names, schemas -------------------------------------------------------------------------------------------------------

trap_schema names <<'END'
create schema "Größe ""1""";
create schema "select";
create table "Größe ""1"""."Ordner, mit Komma" ("Id" integer primary key, "root id" integer references t.root, "from" text);
create table "select"."abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk" (
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk" integer, "b.c" integer, "'" text, "\" text, "%s $1" text,
    primary key ("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk", "b.c"),
    foreign key ("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk") references "Größe ""1"""."Ordner, mit Komma");
create table t."Root" ("ID" integer primary key, id integer references t.root);
create table t.t (t integer primary key, w integer references t.root, x integer, p integer);
create table t."日本" ("表" integer references t."Root", w text);
insert into "Größe ""1"""."Ordner, mit Komma" select g, 1 + g % 3, 'f' from generate_series(1, 9) g;
insert into "select"."abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk" select g, g, '''', '\', '%s' from generate_series(1, 9) g;
insert into t."Root" select g, 1 + g % 3 from generate_series(1, 9) g;
insert into t.t select g, 1 + g % 3 from generate_series(1, 9) g;
insert into t."日本" select g, 'w' from generate_series(1, 9) g;
END
TRAP_NOT_KEYS='{ columns = "t.\"日本\"(w)"; why = "no key"; }' trap_house '' ''
goes t.root 'id = 1' '"Größe ""1"""."Ordner, mit Komma"' '"root id" = 1' '"select".abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk' '"b.c" % 3 = 0' \
    't."Root"' 'id = 1' t.t 'w = 1' 't."日本"' '"表" % 3 = 0'
trap_erased 'names with quotes, commas, dots, of 63 bytes and beyond ASCII, in four schemas'

trap_schema unhashed <<'END'
create table t.price (amount money primary key, parent money references t.price, root_id integer references t.root);
insert into t.price select g::money, case when g > 3 then (g - 3)::money end, case when g <= 3 then g end from generate_series(1, 30) g;
END
trap_house '' ''
goes t.root 'id = 1' t.price 'amount::numeric::integer % 3 = 1'
trap_erased 'a tree whose keys have no hash'

# ---- rows -----------------------------------------------------------------------------------------------------------------

trap_schema duplicates <<'END'
create table t.log (root_id integer references t.root, line text, at timestamptz);
create table t.two (root_id integer references t.root, doc_id integer);
create table t.doc (id integer primary key, root_id integer references t.root);
insert into t.log select 1 + g % 3, 'same', '2020-01-01' from generate_series(1, 900) g;
insert into t.log values (null, 'same', '2020-01-01'), (null, 'same', '2020-01-01');
insert into t.doc select g, 1 + g % 3 from generate_series(1, 9) g;
alter table t.two add foreign key (doc_id) references t.doc;
insert into t.two select 1 + g % 3, 1 + (g - 1) % 9 from generate_series(1, 9) g, generate_series(1, 3);
insert into t.two values (1, null), (null, 3), (null, 1);
END
trap_house '' ''
goes t.root 'id = 1' t.log 'root_id = 1' t.doc 'root_id = 1' t.two 'root_id = 1 or doc_id % 3 = 0'
trap_erased 'exact duplicates in tables without a key'

trap_schema columns <<'END'
create table t.item (gone integer, id bigint generated always as identity primary key, root_id integer references t.root,
    double_id bigint generated always as (id * 2) stored unique, body text, gone_too text, "default" text default 'd');
alter table t.item drop column gone;
alter table t.item drop column gone_too;
create table t.half (id integer generated by default as identity primary key, item_double bigint references t.item (double_id));
create unlogged table t.fast (id integer primary key, root_id integer references t.root);
insert into t.item (root_id, body) select 1 + g % 3, 'b' || g from generate_series(1, 30) g;
insert into t.half (item_double) select double_id from t.item;
insert into t.fast select g, 1 + g % 3 from generate_series(1, 9) g;
END
trap_house '' ''
goes t.root 'id = 1' t.item 'root_id = 1' t.half 'item_double in (select double_id from t.item where root_id = 1)' t.fast 'root_id = 1'
trap_erased 'generated, identity and dropped columns, a key to a generated one, an unlogged table'
trap_checked 'an unlogged table' 'unlogged'

done_testing
