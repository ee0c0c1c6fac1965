#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# traps_unique.sh -- rows that stay and change must not become what a unique index or an exclusion constraint forbids: over
# expressions, in part, at COMMIT, with NULLs that are equal, of one partition alone.  Each is found before the first row is
# changed; and what is allowed is done.
. "$(dirname "$0")/../support/traps.sh"
cluster_shared

anonymise='{ from = "t.person(root_id)"; to = "t.root(id)"; action = "anonymise"; set = { root_id = "NULL"; mail = "'\''gone'\''"; }; }'
set_null='{ from = "t.person(root_id)"; to = "t.root(id)"; action = "set_null"; }'

# Refused with the rows of SCHEMA; after CURE erased, and t.person is as AFTER says.
refused_until() # NAME EDGES SCHEMA CURE AFTER
{
    trap_schema "u$((++number))" <<<"$3"
    trap_house "$2" ''
    trap_refused "$1" 't"."person" cannot stay.*a unique'
    sql "$TRAP" "$4; update expunge.disposal set next_attempt_at = null"
    goes t.root 'id = 1'
    becomes t.person "$5"
    trap_erased "$1, and where nothing is in the way"
}
number=0
table='create table t.person (id integer primary key, root_id integer references t.root, mail text, kind text, spot integer);'
person="insert into t.person values (1, 1, 'A', 'x', 1), (2, 2, 'GONE', 'x', 2), (3, 3, 'C', 'y', 3);"
now="select row(id, nullif(root_id, 1), case root_id when 1 then 'gone' else mail end, kind, spot)::text from t.person"

refused_until 'unique over an expression' "$anonymise" "$table create unique index on t.person (lower(mail)); $person" \
    "update t.person set mail = 'b' where id = 2" "$now"
refused_until 'two rows that become the same, over an expression' "$anonymise" \
    "$table create unique index on t.person (lower(mail)); $person update t.person set mail = 'b' where id = 2; insert into t.person values (4, 1, 'D', 'x', 4);" \
    'delete from t.person where id = 4' "$now"
refused_until 'unique for some rows' "$anonymise" "$table create unique index on t.person (mail) where kind = 'x'; $person update t.person set mail = 'gone' where id = 2;" \
    "update t.person set kind = 'y' where id = 2" "$now"
refused_until 'unique for rows that come in by the change' "$set_null" "$table create unique index on t.person (kind) where root_id is null; $person insert into t.person values (4, null, 'E', 'x', 4);" \
    "update t.person set kind = 'z' where id = 4" 'select row(id, nullif(root_id, 1), mail, kind, spot)::text from t.person'
refused_until 'unique with NULLs that are equal' "$set_null" "$table create unique index on t.person (root_id) nulls not distinct; $person insert into t.person values (4, null, 'E', 'x', 4);" \
    'delete from t.person where id = 4' 'select row(id, nullif(root_id, 1), mail, kind, spot)::text from t.person'
refused_until 'unique at COMMIT' "$anonymise" "$table alter table t.person add unique (mail) deferrable initially deferred; $person update t.person set mail = 'gone' where id = 2;" \
    "update t.person set mail = 'b' where id = 2" "$now"
refused_until 'an exclusion constraint' "${anonymise/root_id = \"NULL\"; mail = /root_id = \"NULL\"; spot = \"3\"; mail = }" \
    "$table alter table t.person add exclude using gist (int4range(spot, spot + 2) with &&) where (kind <> 'z'); insert into t.person values (1, 1, 'A', 'x', 1), (2, 2, 'B', 'x', 4), (3, 3, 'C', 'y', 6);" \
    "update t.person set kind = 'z' where id = 2" \
    "select row(id, nullif(root_id, 1), case root_id when 1 then 'gone' else mail end, kind, case root_id when 1 then 3 else spot end)::text from t.person"
refused_until 'unique in another order of characters' "$anonymise" "$table create collation t.blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false); create unique index on t.person (mail collate t.blind); $person" \
    "update t.person set mail = 'b' where id = 2" "$now"
refused_until 'unique in one partition alone' "$anonymise" \
    "create table t.person (id integer, root_id integer references t.root, mail text, kind text, spot integer, primary key (id, kind)) partition by list (kind);
     create table t.person_x partition of t.person for values in ('x'); create table t.person_y partition of t.person for values in ('y');
     create unique index on t.person_x (lower(mail)); $person" \
    "update t.person set kind = 'y' where id = 2" "$now"

# ---- a column that the index does not look at ---------------------------------------------------------------------------

trap_schema beside <<<"$table create unique index on t.person (lower(kind)) where root_id is not null; insert into t.person values (1, 1, 'A', 'x', 1), (2, null, 'B', 'X', 2), (3, null, 'C', 'x', 3);"
trap_house "$anonymise" ''
goes t.root 'id = 1'
becomes t.person "$now"
trap_erased 'a row that leaves a partial index is in nobody'\''s way'

# ---- arrays of several dimensions, or that begin elsewhere ----------------------------------------------------------------

trap_schema shaped <<'END'
create table t.list (id integer primary key, members integer[]);
insert into t.list values (1, '{1,2}'), (2, '{{1,2},{3,4}}'), (3, '{{2,2},{3,4}}'), (4, '{}'), (5, null);
END
trap_house '{ from = "t.list(members)"; to = "t.root(id)"; match = "element"; action = "remove_element"; }' ''
trap_refused 'a key in an array of several dimensions' '1 row\(s\) of "t"\."list" cannot stay.*or the array has several dimensions'
sql "$TRAP" "update t.list set members = '[0:2]={1,2,3}' where id = 2; update expunge.disposal set next_attempt_at = null"
trap_refused 'a key in an array that does not begin at 1' '1 row\(s\) of "t"\."list" cannot stay.*or does not begin at 1'
sql "$TRAP" "update t.list set members = '{1,2,3,4}' where id = 2; update expunge.disposal set next_attempt_at = null"
goes t.root 'id = 1'
becomes t.list "select row(id, case when id in (1, 2) then array_remove(members, 1) else members end)::text from t.list"
trap_erased 'and of one, beside others that do not hold the key'
done_testing
