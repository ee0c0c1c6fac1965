#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# wrong_edges.sh -- wrong edges, keys and schemas: each is refused before anything is done, with file and line, setting and
# what would be right, or with the table that is in the way; and nothing is changed.
. "$(dirname "$0")/../support/cli.sh"
cluster_shared

load_shop() # CONNINFO
{
    psql -qX -v ON_ERROR_STOP=1 -d "$1" <<'END'
create schema t;
create table t.root (id bigint primary key, code uuid unique, name text, ended_at timestamptz);
insert into t.root select g, gen_random_uuid(), 'r' || g, case when g = 2 then now() - interval '3 days' end from generate_series(1, 5) g;
create table t.doc (id integer primary key, root_id bigint, owner_type text, owner_id text, members bigint[], flags boolean[], payload jsonb,
                    seen timestamptz, size integer not null default 0, twice integer generated always as (size * 2) stored);
insert into t.doc select g, 1 + g % 5, 'root', (1 + g % 5)::text, array[1 + g % 5], null, jsonb_build_object('root', 1 + g % 5), now(), g from generate_series(1, 50) g;
create table t.fk (id integer primary key, root_id bigint not null references t.root, note text);
insert into t.fk select g, 1 + g % 5, 'x' from generate_series(1, 50) g;
create table t.nokey (root_id bigint, line text);
insert into t.nokey select 1 + g % 5, 'x' from generate_series(1, 50) g;
create table t.tag (id integer primary key, root_id bigint references t.root);
create view t.view as select * from t.doc;
create function t.volatile_id(bigint) returns bigint language plpgsql volatile as 'begin return $1; end';
END
}
template wrong_edges load_shop
database shop wrong_edges

write_house() # EDGES [KEY [ROOT]]: the edges stand in lines of their own, from line 4 on
{
    cat >"$CONF" <<END
worker = { state_dir = "$STATE"; master_key = "file:$WORK/shop/master.key"; pace = { duty = 1.0; }; };
databases = ( { name = "db"; conninfo = "$(conninfo shop)"; } );
subjects = ( { kind = "thing"; root = "${3:-t.root}"; key = "${2:-id}"; ended_at = "ended_at"; grace = "1 day"; edges = (
$1
  ); } );
stores = ( { name = "s"; kind = "directory"; role = "snapshots"; path = "$WORK/shop/snapshots"; } );
global_tables = [ ];
safety = { max_share = 1.0; };
end = true;
END
}
new_house shop
GOOD='{ from = "t.doc(root_id)"; to = "t.root(id)"; }, { from = "t.nokey(root_id)"; to = "t.root(id)"; }'
write_house "$GOOD"
expect_status 'init' 0 x init
expect_status 'the right edges are planned' 0 x plan
fingerprint shop >"$WORK/before"
cp "$STATE/ledger.jsonl" "$WORK/ledger"

wrong=0
refused() # NAME STATUS REGEX [REGEX-OF-CHECK]: by run and by check
{
    wrong=$((wrong + 1))
    expect_status "$1: a run is refused" "$2" x run
    cat "$OUT" "$ERR" >"$WORK/said"
    if grep -Eq -e "$3" "$WORK/said"; then
        ok "$1: with what is wrong"
    else
        not_ok "$1: with what is wrong" "no line matches: $3
$(cat "$WORK/said")"
    fi
    run x check
    if tr '\n' ' ' <"$OUT" | grep -Eq -e "${4:-$3}"; then
        ok "$1: check says so, too"
    else
        not_ok "$1: check says so, too" "$(cat "$OUT" "$ERR")"
    fi
}
# The mistake stands in line 4: the story names file, line and setting.
mistake() # NAME EDGE REGEX
{
    write_house "$2"
    refused "$1" 78 "$CONF:4: .*($3)" "$CONF:4: .*(${4:-$3})"
}
rail() # NAME EDGES REGEX [REGEX-OF-CHECK]
{
    write_house "$2"
    refused "$1" 11 "$3" "${4:-$3}"
}

# ---- names ------------------------------------------------------------------------------------------------------------

TO='to = "t.root(id)";'
mistake 'an unknown table' "{ from = \"t.dok(root_id)\"; $TO }" 'no table "t\.dok".*did you mean "t\.doc"'
mistake 'an unknown schema' "{ from = \"u.doc(root_id)\"; $TO }" 'no table "u\.doc".*did you mean "t\.doc"'
mistake 'a view' "{ from = \"t.view(root_id)\"; $TO }" 'no table "t\.view".*views'
mistake 'an unknown column' "{ from = \"t.doc(rot_id)\"; $TO }" 'no column "rot_id"; did you mean "root_id"'
mistake 'an unknown column of the parent' '{ from = "t.doc(root_id)"; to = "t.root(idd)"; }' 'no column "idd"; did you mean "id"'
mistake 'a table of PostgreSQL' "{ from = \"pg_catalog.pg_class(oid)\"; $TO }" 'from.*PostgreSQL itself'
mistake 'a table without its schema' "{ from = \"doc(root_id)\"; $TO }" 'from.*names no schema'
mistake 'no column at all' "{ from = \"t.doc\"; $TO }" 'from'
mistake 'an empty list of columns' "{ from = \"t.doc()\"; $TO }" 'from'
mistake 'more columns here than there' "{ from = \"t.doc(root_id, id)\"; $TO }" 'to.*as many'
mistake 'an edge to itself' '{ from = "t.root(id)"; to = "t.root(id)"; }' 'same as "from"'
mistake 'the same edge twice' "{ from = \"t.doc(root_id)\"; $TO }, { from = \"t.doc(root_id)\"; $TO }" 'again'
mistake 'no parent' '{ from = "t.doc(root_id)"; }' 'to.*missing'
mistake 'an unknown setting' "{ from = \"t.doc(root_id)\"; $TO wher = \"true\"; }" 'unknown setting "wher"; did you mean "where"' 'unknown setting "wher".*did you mean "where"'
mistake 'an unknown action' "{ from = \"t.doc(root_id)\"; $TO action = \"remove_elements\"; }" 'action.*did you mean "remove_element"'
mistake 'an unknown match' "{ from = \"t.doc(root_id)\"; $TO match = \"elements\"; }" 'match.*did you mean "element"'
mistake 'an unknown word for orphans' "{ from = \"t.doc(root_id)\"; $TO orphans = \"drop\"; }" 'orphans'

# ---- conditions and expressions -----------------------------------------------------------------------------------------

mistake 'a condition on a column that is not there' "{ from = \"t.doc(owner_id)\"; $TO where = \"owner_typ = 'root'\"; }" 'where: .*did you mean "owner_type"'
mistake 'a condition that is none' "{ from = \"t.doc(owner_id)\"; $TO where = \"owner_type\"; }" 'where: '
mistake 'two statements' "{ from = \"t.doc(owner_id)\"; $TO where = \"true; delete from t.doc\"; }" 'where.*semicolon'
mistake 'a comment' "{ from = \"t.doc(owner_id)\"; $TO where = \"true -- all\"; }" 'where.*comment'
mistake 'an open quote' "{ from = \"t.doc(owner_id)\"; $TO where = \"owner_type = 'root\"; }" 'where.*quote'
mistake 'an open bracket' "{ from = \"t.doc(owner_id)\"; $TO where = \"(owner_type = 'root'\"; }" 'where.*parenthes'
mistake 'a subquery' "{ from = \"t.doc(owner_id)\"; $TO where = \"exists (select 1)\"; }" 'where: .*'
mistake 'the clock' "{ from = \"t.doc(owner_id)\"; $TO where = \"seen < now()\"; }" 'where: .*IMMUTABLE'
mistake 'a volatile function' "{ from = \"t.doc(root_id)\"; $TO expression = \"t.volatile_id(root_id)\"; }" 'expression: .*IMMUTABLE'
mistake 'an alias of ours' "{ from = \"t.doc(owner_id)\"; $TO where = \"t.owner_type = 'root'\"; }" 'where: '
mistake 'a system column' "{ from = \"t.doc(owner_id)\"; $TO where = \"ctid = '(0,1)'\"; }" 'where: '
mistake 'a condition on a foreign key' "{ from = \"t.fk(root_id)\"; $TO where = \"note = 'x'\"; }" 'the foreign key "fk_root_id_fkey" says so for every row'
mistake 'an expression of a column that is not there' "{ from = \"t.doc(payload)\"; $TO expression = \"payloat->>'root'\"; }" 'expression: .*did you mean "payload"'
mistake 'an expression that is no SQL' "{ from = \"t.doc(payload)\"; $TO expression = \"payload ->>> 'root'\"; }" 'expression: '
mistake 'an expression of another type' "{ from = \"t.doc(payload)\"; $TO expression = \"payload->'root'\"; }" 'expression: .*jsonb.*bigint.*must be'
mistake 'an expression of two columns' "{ from = \"t.doc(id, payload)\"; to = \"t.root(id, name)\"; expression = \"payload->>'root'\"; }" 'from.*must name one'
mistake 'an expression that is nulled' "{ from = \"t.doc(payload)\"; $TO expression = \"payload->>'root'\"; action = \"set_null\"; }" 'action.*whole column'

# ---- types, arrays -----------------------------------------------------------------------------------------------------

mistake 'a column that holds documents' "{ from = \"t.doc(payload)\"; $TO }" 'from: .*jsonb cannot be compared.*bigint'
mistake 'a column that holds times' "{ from = \"t.doc(seen)\"; $TO }" 'from: .*timestamp with time zone cannot be compared'
mistake 'a number against a uuid' '{ from = "t.doc(root_id)"; to = "t.root(code)"; }' 'from: .*bigint cannot be compared.*uuid'
mistake 'a number against a text' '{ from = "t.doc(root_id)"; to = "t.root(name)"; }' 'from: .*::text'
mistake 'an array without saying so' "{ from = \"t.doc(members)\"; $TO }" 'from: .*bigint\[\] cannot be compared'
mistake 'elements of what is no array' "{ from = \"t.doc(root_id)\"; $TO match = \"element\"; action = \"delete\"; }" 'match: .*no array|match: .*bigint'
mistake 'elements of another type' "{ from = \"t.doc(flags)\"; $TO match = \"element\"; action = \"delete\"; }" 'match: .*boolean\[\] cannot be compared'
mistake 'elements without an action' "{ from = \"t.doc(members)\"; $TO match = \"element\"; }" 'action.*missing.*remove_element'
mistake 'elements that are nulled' "{ from = \"t.doc(members)\"; $TO match = \"element\"; action = \"set_null\"; }" 'action.*remove_element'
mistake 'an element out of no array' "{ from = \"t.doc(root_id)\"; $TO action = \"remove_element\"; }" 'action.*match = "element"'
mistake 'an element out of an expression' "{ from = \"t.doc(owner_id)\"; $TO expression = \"string_to_array(owner_id, ',')\"; match = \"element\"; action = \"remove_element\"; }" 'action.*expression'

# ---- actions -----------------------------------------------------------------------------------------------------------

mistake 'anonymise without new values' "{ from = \"t.doc(root_id)\"; $TO action = \"anonymise\"; }" 'set.*missing'
mistake 'new values without anonymise' "{ from = \"t.doc(root_id)\"; $TO set = { owner_id = \"null\"; }; }" 'set.*cannot go with action "delete"'
mistake 'a new value of a column that is not there' "{ from = \"t.doc(root_id)\"; $TO action = \"anonymise\"; set = { owner = \"null\"; }; }" 'no column "owner"'
mistake 'NULL where it cannot be' "{ from = \"t.doc(root_id)\"; $TO action = \"anonymise\"; set = { size = \"null\"; }; }" 'set: column "size".*NOT NULL'
mistake 'a new value of another type' "{ from = \"t.doc(root_id)\"; $TO action = \"anonymise\"; set = { seen = \"true\"; }; }" 'set\.seen: '
mistake 'a new value of a generated column' "{ from = \"t.doc(root_id)\"; $TO action = \"anonymise\"; set = { twice = \"1\"; }; }" 'set\.twice: '
mistake 'a new value that is another one each time' "{ from = \"t.doc(root_id)\"; $TO action = \"anonymise\"; set = { owner_id = \"random()::text\"; }; }" 'set\.owner_id: .*IMMUTABLE'
mistake 'anonymised rows that would still refer to the erased one' "{ from = \"t.fk(root_id)\"; $TO action = \"anonymise\"; set = { note = \"'x'\"; }; }" 'add the referencing column to "set"'
mistake 'set_null on a NOT NULL column' "{ from = \"t.fk(root_id)\"; $TO action = \"set_null\"; }" 'NOT NULL.*set_null'
mistake 'keep without a window' "{ from = \"t.doc(root_id)\"; $TO action = \"keep\"; purpose = \"p\"; basis = \"b\"; }" 'keep_for.*missing'
mistake 'keep without a basis' "{ from = \"t.doc(root_id)\"; $TO action = \"keep\"; keep_for = \"1 year\"; purpose = \"p\"; }" 'basis.*missing'
mistake 'a window without keep' "{ from = \"t.doc(root_id)\"; $TO keep_for = \"1 year\"; }" 'keep_for.*cannot go with'
mistake 'shared rows by an expression' "{ from = \"t.doc(payload)\"; $TO expression = \"payload->>'root'\"; orphans = \"delete\"; }" 'orphans.*cannot go with'
mistake 'shared rows by a condition' "{ from = \"t.doc(owner_id)\"; $TO where = \"true\"; orphans = \"delete\"; }" 'orphans.*cannot go with "where"'
mistake 'shared rows of a table that stays' "{ from = \"t.doc(id)\"; to = \"t.tag(id)\"; action = \"set_null\"; orphans = \"delete\"; }" 'NOT NULL|orphans: no row of "t\.doc" goes'

# ---- keys and schemas -----------------------------------------------------------------------------------------------------

write_house "$GOOD" name
refused 'a key that names more than one row' 78 "$CONF:3: key: no unique index"
write_house "$GOOD" idd
refused 'a key that is not there' 78 "$CONF:3: key: .*did you mean \"id\""
write_house "$GOOD" id t.rout
refused 'a root that is not there' 78 "$CONF:3: .*did you mean \"t\.root\""
rail 'kept rows without a key' "$GOOD, { from = \"t.nokey(line)\"; to = \"t.root(name)\"; action = \"set_null\"; }" 'nokey" has no primary key'
rail 'rows below a table without a key' "$GOOD, { from = \"t.doc(owner_id)\"; to = \"t.nokey(line)\"; }" 'nokey" has no primary key.*other tables refer'
rail 'rows that somebody else has by another edge' "$GOOD, { from = \"t.doc(size)\"; to = \"t.root(id)\"; }" '[0-9]+ row\(s\) of "t"\."doc" would go, but by "t\.doc\(.*\)" they belong to a row' 'database "db"'
rail 'shared rows that go in any case' "$GOOD, { from = \"t.doc(id)\"; to = \"t.tag(id)\"; orphans = \"delete\"; }" '"?t"?\."?tag"? go by another edge'
rail 'an uncovered table' '{ from = "t.doc(root_id)"; to = "t.root(id)"; }' 'reached by no subject.*nokey' 'nokey: no subject reaches it'

expect_true "at least 60 mistakes were made: $wrong" test "$wrong" -ge 60
# but what the functions are told of the configuration
expect_equal 'none of them changed anything in the database' "$(grep -v subject_kind "$WORK/before")" "$(fingerprint shop | grep -v subject_kind)"
expect_true 'none was written to the ledger' cmp "$WORK/ledger" "$STATE/ledger.jsonl"
write_house "$GOOD"
expect_status 'and the right edges work' 0 x run
done_testing
