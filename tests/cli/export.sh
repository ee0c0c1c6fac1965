#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# export.sh -- a subject's data for the subject: the closure of its erasure and the rows that stay, every value right, from
# live rows and from a snapshot, and nothing left of what failed (P8).

. "$(dirname "$0")/../support/cli.sh"
cluster_shared

# ---- helpers ------------------------------------------------------------------------------------------------------------

# Each table's rows as the server itself says, and as the files do: lines of jsonb text, sorted.
server_rows() # DATABASE QUERY
{
    sql "$1" "set timezone = 'UTC'; set intervalstyle = 'iso_8601'; select to_jsonb(r.*)::text from ($2) r" | LC_ALL=C sort
}

file_of() # DIR TABLE [FIELD]
{
    json "$1/manifest.json" "select t ->> '${3:-file}' from doc, jsonb_array_elements(j -> 'tables') t where t ->> 'table' = '$2'"
}

# The lines of a file, read by another JSON reader, numbers as they are spelt: one canonical line each, as jsonb prints it.
file_rows() # DIR TABLE
{
    local file
    file=$(file_of "$1" "$2")
    [ -z "$file" ] || /usr/bin/python3 - "$1/$file" "$CONNINFO dbname=postgres" <<'END' | LC_ALL=C sort
import decimal, json, subprocess, sys
lines = [line for line in open(sys.argv[1], encoding="utf-8").read().split("\n")[:-1]]
for line in lines:  # each is one object, by a reader that is none of PostgreSQL's
    if not isinstance(json.loads(line, parse_float=decimal.Decimal, parse_int=decimal.Decimal), dict):
        sys.exit("not an object")
text = "create temporary table l (n serial, j jsonb);\n" + "".join("insert into l (j) values (%s);\n" % ("'" + x.replace("'", "''") + "'") for x in lines) + "select j::text from l;"
sys.stdout.write(subprocess.run(["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-d", sys.argv[2]], input="set standard_conforming_strings = on;\n" + text, text=True, capture_output=True, check=True).stdout)
END
}

expect_rows() # NAME DIR TABLE DATABASE QUERY
{
    server_rows "$4" "$5" >"$WORK/wanted" 2>&1
    file_rows "$2" "$3" >"$WORK/found" 2>&1
    if [ -s "$WORK/wanted" ] && diff "$WORK/wanted" "$WORK/found" >"$WORK/difference"; then
        ok "$1"
    else
        not_ok "$1" "$(head -c 2000 "$WORK/difference")"
    fi
}

# The manifest tells what lies beside it, and nothing else does.
expect_whole() # NAME DIR
{
    local said
    said=$(json "$2/manifest.json" "select (t ->> 'sha256') || '  ' || (t ->> 'file') from doc, jsonb_array_elements(j -> 'tables') t where t ->> 'file' is not null" |
        (cd "$2" && sha256sum --check --quiet --strict 2>&1) &&
        diff <(cd "$2" && ls -A) <({ echo manifest.json && json "$2/manifest.json" "select t ->> 'file' from doc, jsonb_array_elements(j -> 'tables') t where t ->> 'file' is not null"; } | sort) &&
        find "$2" -type f ! -perm 0600 && find "$2" -maxdepth 0 ! -perm 0700)
    expect_equal "$1" '' "$said"
}

rows_of() # DIR: table rows, a line each
{
    json "$1/manifest.json" "select concat_ws(' ', t ->> 'table', t ->> 'rows') from doc, jsonb_array_elements(j -> 'tables') t where (t ->> 'rows')::bigint > 0 order by 1"
}

# Two exports hold the same rows.
expect_same() # NAME DIR DIR
{
    local file bad='' table
    [ "$(rows_of "$2")" = "$(rows_of "$3")" ] || bad='counts differ'
    while read -r table _; do
        file=$(file_of "$3" "$table")
        cmp -s <(LC_ALL=C sort "$2/$(file_of "$2" "$table")") <(LC_ALL=C sort "$3/$file") || bad+=" $table"
    done < <(rows_of "$2")
    expect_equal "$1" '' "$bad"
}

# ---- every type -----------------------------------------------------------------------------------------------------------

database types
sql types - <<'END'
create schema app;
create type app.mood as enum ('good', 'so-so');
create type app.pair as (a integer, b text);
create domain app.price as numeric check (value >= 0);
create table app.thing (
    id bigint primary key, name text, ended_at timestamptz,
    n numeric, p app.price, f float8, f4 real, big bigint, b bytea, t timestamptz, ts timestamp, d date, tm time, iv interval,
    arr integer[], texts text[], two integer[][], j json, jb jsonb, m app.mood, c app.pair, cs app.pair[], x xml, u uuid, net inet, bits bit(3), fixed char(5),
    r int4range, flag boolean, money money, "odd ""name" text, twice numeric generated always as (n * 2) stored);
create table app.nobodys (id integer primary key);
create table app.remark (id bigint primary key, thing_id bigint not null references app.thing, body text);
create index on app.remark (thing_id);
create table app.reader (id bigint primary key, thing_id bigint references app.thing on delete set null, seen text);
create index on app.reader (thing_id);
create table app.empty_one (id bigint primary key, thing_id bigint not null references app.thing);
create index on app.empty_one (thing_id);
insert into app.thing values (1, E'quotes " '' \\ tab\tnew\nline\rreturn \u00e9 \U0001F600 \x01', now() - interval '1 hour',
    12345678901234567890.12345678901234567890, 0.10, 'infinity', '-0.1', 9223372036854775807, '\x00ff5c0a22', 'infinity', '2026-01-02 03:04:05.678901', '-infinity', '23:59:59.5', '1 year 2 days 03:04:05.6',
    '{1,null,3}', array['a"b', null, E'c\nd', ''], '{{1,2},{3,4}}', E'{"k" : 1.50,\n "k2": [1e400]}', '{"z": 1.500, "a": null}', 'so-so', row(1, E'x"y\nz'), array[row(1,'a')::app.pair, null], '<a b="c">&amp;</a>', gen_random_uuid(), '10.0.0.1/8', '101', 'ab',
    '[1,5)', true, 12.34, 'odd');
insert into app.thing (id, name, n, f, t) values (2, '', 'NaN', 'NaN', '0044-03-15 12:00:00 BC'), (3, null, 1e-30, 1e-300, '9999-12-31');
insert into app.remark select n, 1 + n % 2, 'remark ' || n from generate_series(1, 7) n;
insert into app.reader values (1, 1, 'yes'), (2, 2, 'no'), (3, null, 'nobody');
END
kind_house types types app.thing id '{ from = "app.reader(thing_id)"; to = "app.thing(id)"; action = "set_null"; }' '"app.nobodys"'
expect_status 'init' 0 x init
expect_status 'every type as lines of JSON' 0 x export thing 1 --format jsonl --output "$WORK/one"
expect_no_match 'what it says holds no value' out 'quotes|remark 1'
everything='id, name, ended_at, n, p, f, f4, big, b, t, ts, d, tm, iv, arr, texts, two, j, jb, m, c, cs, x, u, net, bits, fixed, r, flag, money, "odd ""name"'
expect_rows 'each value is the one that the server has' "$WORK/one" app.thing types "select $everything from app.thing where id = 1"
expect_equal 'numeric keeps every digit' 1 "$(grep -c '"n":12345678901234567890.12345678901234567890,"p":0.10,"f":"Infinity"' "$WORK/one/"*app.thing.jsonl)"
expect_equal 'an object is a line' '1 3' "$(cat "$WORK/one/"*app.thing.jsonl | wc -l) $(cat "$WORK/one/"*app.remark.jsonl | wc -l)"
expect_rows 'what hangs on it' "$WORK/one" app.remark types 'select * from app.remark where thing_id = 1'
expect_rows 'rows that stay and concern it' "$WORK/one" app.reader types 'select * from app.reader where thing_id = 1'
expect_json 'with their relation' '[{"to": "app.thing", "from": "app.reader", "action": "set_null", "columns": ["thing_id"], "to_columns": ["id"], "foreign_key": true}]' "$WORK/one/manifest.json" \
    "select t -> 'relation' from doc, jsonb_array_elements(j -> 'tables') t where t ->> 'table' = 'app.reader'"
expect_json 'types are told, generated columns left out' 'bytea, numeric, app.price, false' "$WORK/one/manifest.json" \
    "select string_agg(c ->> 'type', ', ' order by c ->> 'name') filter (where c ->> 'name' in ('b', 'n', 'p')) || ', ' || bool_or(c ->> 'name' = 'twice')
       from doc, jsonb_array_elements(j -> 'tables') t, jsonb_array_elements(t -> 'columns') c where t ->> 'table' = 'app.thing'"
expect_json 'a table without rows is told, and has no file' 'app.empty_one 0' "$WORK/one/manifest.json" "select concat_ws(' ', t ->> 'table', t ->> 'rows', t ->> 'file') from doc, jsonb_array_elements(j -> 'tables') t where t ->> 'rows' = '0'"
expect_whole 'manifest, digests and modes' "$WORK/one"
expect_no_match 'nor does the ledger hold a value' "$STATE/ledger.jsonl" 'quotes|remark 1'
expect_match 'but an entry' "$STATE/ledger.jsonl" '"event":"exported".*"rows":5|"rows":5.*"event":"exported"'
expect_status 'the ledger verifies' 0 x verify ledger
for n in 2 3; do
    expect_status "thing $n" 0 x export thing $n --format jsonl --output "$WORK/thing$n"
    expect_rows "NaN, nothing, empty, years before Christ ($n)" "$WORK/thing$n" app.thing types "select $everything from app.thing where id = $n"
done

# CSV, read back by the server.
expect_status 'as CSV' 0 x export thing 1 --format csv --output "$WORK/csv"
sql types "create schema back; create table back.thing (like app.thing including generated); create table back.remark (like app.remark)" >/dev/null
sql types - <<END >"$WORK/copied" 2>&1
set intervalstyle = 'iso_8601'; set timezone = 'UTC';
\\copy back.thing ($everything) from '$WORK/csv/$(file_of "$WORK/csv" app.thing)' with (format csv, header match)
\\copy back.remark from '$WORK/csv/$(file_of "$WORK/csv" app.remark)' with (format csv, header match)
END
expect_equal 'PostgreSQL reads it back, and it is the same' '0 0' "$(sql types "select (select count(*) from (select t::text from back.thing t except select t::text from app.thing t) x),
    (select count(*) from ((table back.remark except select * from app.remark where thing_id = 1) union all (select * from app.remark where thing_id = 1 except table back.remark)) x)" -F ' ')"
expect_whole 'manifest, digests and modes' "$WORK/csv"

# ---- live and snapshot ------------------------------------------------------------------------------------------------------

sql types 'set client_min_messages = warning; drop schema back cascade'
expect_status 'live, before it is archived' 0 x export thing 1 --format jsonl --output "$WORK/live"
expect_status 'archived' 0 x run
id=$(sql types "select 'db-' || id from expunge.disposal where subject_key = '1'")
expect_status 'from the snapshot' 0 x export thing 1 --format jsonl --output "$WORK/snap" --disposal "$id"
expect_same 'is the same, row by row' "$WORK/live" "$WORK/snap"
expect_whole 'and whole' "$WORK/snap"
expect_json 'and the manifest says so' "snapshot $id" "$WORK/snap/manifest.json" "select concat_ws(' ', j ->> 'source', j ->> 'disposal') from doc"
sql types "update expunge.disposal set erase_after = now() - interval '1 minute'"
EXPUNGE_FAULT=transit.flushed "$EXPUNGE_FAULTY" --config "$CONF" run >/dev/null 2>&1
expect_equal 'erased, its snapshot still there' 'erased 0' "$(sql types "select state || ' ' || (select count(*) from app.thing where id = 1) from expunge.disposal")"
expect_status 'a live export finds nothing' 64 x export thing 1 --format jsonl --output "$WORK/none"
expect_match 'and names the snapshot' err "its rows are not in the live tables .*--disposal $id"
expect_status 'the snapshot still has it all' 0 x export thing 1 --format jsonl --output "$WORK/snap2" --disposal "$id"
expect_same 'the same again, with the value that is null by now' "$WORK/live" "$WORK/snap2"
x run >/dev/null 2>&1
expect_status 'cleared: nobody can' 64 x export thing 1 --format jsonl --output "$WORK/none" --disposal "$id"

# ---- mistakes -----------------------------------------------------------------------------------------------------------------

refused() # NAME STATUS MESSAGE ARGUMENTS...
{
    local name=$1 status=$2 message=$3
    shift 3
    expect_status "$name" "$status" x export "$@"
    expect_match "$name: said" err "$message"
    expect_equal "$name: nothing is left" '' "$(find "$WORK" -maxdepth 1 -name 'none*')"
}

refused 'an unknown key' 64 'there is no thing with this key' thing 99 --format jsonl --output "$WORK/none"
refused 'a key of another type' 64 'that is no key of a thing' thing abc --format jsonl --output "$WORK/none"
refused 'an unknown kind' 64 'no subject kind "thin".*did you mean "thing"' thin 2 --format jsonl --output "$WORK/none"
refused 'a padded key' 64 'white space' thing ' 2' --format jsonl --output "$WORK/none"
refused 'a wildcard' 64 'no wildcards' thing '*' --format jsonl --output "$WORK/none"
refused 'no format' 64 'say --format jsonl or --format csv' thing 2 --output "$WORK/none"
refused 'an unknown format' 64 'say --format jsonl or --format csv' thing 2 --format xml --output "$WORK/none"
refused 'no place' 64 'say where to' thing 2 --format csv
refused 'a place in nowhere' 64 'there is no directory' thing 2 --format csv --output "$WORK/nowhere/none"
refused 'a place that is there' 64 'is there already: nothing is overwritten' thing 2 --format csv --output "$WORK/csv"
mkdir "$WORK/other.partial"
refused 'a place that is being written' 64 'another export is under way, or one was killed' thing 2 --format csv --output "$WORK/other"
rmdir "$WORK/other.partial"
refused 'an unknown database' 64 'no database "nodb"' thing 2 --format csv --output "$WORK/none" --database nodb
refused 'an unknown disposal' 64 'no disposal' thing 2 --format csv --output "$WORK/none" --disposal db-77
sql types 'create table app.forgotten (id integer primary key, thing_id bigint)'
refused 'a table that nobody classified' 11 'forgotten' thing 2 --format jsonl --output "$WORK/none"
sql types 'drop table app.forgotten'
x --json export thing 2 --format csv --output "$WORK/json" >"$OUT" 2>"$ERR"
expect_json 'as JSON' 'export true app.thing 6' out "select concat_ws(' ', j ->> 'command', j ->> 'ok', j -> 'tables' -> 0 ->> 'table', j ->> 'rows') from doc"

# Stopped, killed, and no room: nothing is left, or only what says so.
PAUSE=$WORK/pause
EXPUNGE_FAULT_PAUSE="export.file:$PAUSE" "$EXPUNGE_FAULTY" --config "$CONF" export thing 2 --format csv --output "$WORK/none" >/dev/null 2>"$ERR" &
worker=$!
for ((i = 0; i < 1000; i++)); do [ ! -e "$PAUSE.reached" ] || break; sleep 0.02; done
kill -TERM "$worker"
: >"$PAUSE"
wait "$worker"
expect_equal 'SIGTERM: work is left, and no file' '12 ' "$? $(find "$WORK" -maxdepth 1 -name 'none*')"
EXPUNGE_FAULT=export.recorded "$EXPUNGE_FAULTY" --config "$CONF" export thing 2 --format csv --output "$WORK/none" >/dev/null 2>&1
expect_true 'killed before it was renamed: nobody takes it for whole' test -d "$WORK/none.partial" -a ! -e "$WORK/none"
rm -rf "$WORK/none.partial"
sql types "insert into app.remark select n, 2, repeat('x', 1000) from generate_series(100, 20000) n"
(ulimit -f 4000 && trap '' XFSZ && x export thing 2 --format jsonl --output "$WORK/none") >"$OUT" 2>"$ERR"
expect_equal 'no room: an error, and nothing is left' '74 ' "$? $(find "$WORK" -maxdepth 1 -name 'none*')"
expect_status 'with room' 0 x export thing 2 --format jsonl --output "$WORK/large"
expect_rows 'all of it is there' "$WORK/large" app.remark types 'select * from app.remark where thing_id = 2'

# ---- public databases ---------------------------------------------------------------------------------------------------------

public_case() # DATABASE TABLE KEY VALUE EDGES GLOBAL
{
    local name=$1_$2 dir=$WORK/$1-$2
    template "expunge_case_$1" load_case "$1"
    database "$name" "expunge_case_$1"
    sql "$name" "alter table $2 add ended_at timestamptz; set session_replication_role = replica; update $2 set ended_at = now() - interval '1 hour' where $3 = '$4'" >"$WORK/.update"
    kind_house "$name" "$name" "public.$2" "$3" "$5" "$6"
    x init >"$WORK/init" 2>&1 || die "init: $(cat "$WORK/init")"
    run x --json plan thing "$4"
    json out "select t ->> 'table' || ' ' || sum((t ->> 'rows')::bigint) from doc, jsonb_array_elements(j -> 'disposals') d, jsonb_array_elements(d -> 'tables') t group by t ->> 'table' having sum((t ->> 'rows')::bigint) > 0 order by 1" >"$WORK/planned"
    expect_status "$1: $2 $4: a live export" 0 x export thing "$4" --format jsonl --output "$dir-live"
    expect_equal "$1: $2 $4: it is the closure of the erasure" "$(cat "$WORK/planned")" "$(rows_of "$dir-live")"
    expect_whole "$1: $2 $4: whole" "$dir-live"
    expect_status "$1: $2 $4: as CSV" 0 x export thing "$4" --format csv --output "$dir-csv"
    expect_equal "$1: $2 $4: the same rows" "$(rows_of "$dir-live")" "$(rows_of "$dir-csv")"
    expect_status "$1: $2 $4: archived" 0 x run
    expect_status "$1: $2 $4: an export of the snapshot" 0 x export thing "$4" --format jsonl --output "$dir-snap" --disposal db-1
    expect_same "$1: $2 $4: the same, row by row" "$dir-live" "$dir-snap"
}

e() { printf '{ from = "public.%s"; to = "public.%s"; action = "delete"; }, ' "$1" "$2"; }
if [ -d "$CASES" ]; then
    public_case pagila customer customer_id 5 \
        "$(e 'payment(customer_id)' 'customer(customer_id)')$(e 'payment(rental_id)' 'rental(rental_id)' | sed 's/, $//')" \
        '"public.film", "public.film_actor", "public.film_category", "public.actor", "public.category", "public.language", "public.address", "public.city", "public.country", "public.inventory", "public.staff", "public.store"'
    expect_rows 'pagila: payments, out of their partitions' "$WORK/pagila-customer-live" public.payment pagila_customer 'select * from payment where customer_id = 5'
    public_case chinook employee employee_id 2 "$(e 'employee(reports_to)' 'employee(employee_id)' | sed 's/, $//')" \
        '"public.album", "public.artist", "public.genre", "public.media_type", "public.playlist", "public.playlist_track", "public.track"'
    public_case northwind customers customer_id ALFKI '' \
        '"public.suppliers", "public.categories", "public.products", "public.customer_demographics", "public.employee_territories", "public.employees", "public.region", "public.shippers", "public.territories", "public.us_states"'
    expect_rows 'northwind: lines of orders' "$WORK/northwind-customers-live" public.order_details northwind_customers "select d.* from order_details d join orders o using (order_id) where customer_id = 'ALFKI'"
else
    skip 'public databases' "no $CASES here"
fi

# ---- the reference schema: rows that stay ---------------------------------------------------------------------------------------

reference eu
house reference eu
expect_status 'reference: init' 0 x init
key=$(sql eu "select a.id from cloud.account a join cloud.member m on m.account_id = a.id where a.deletion_requested_at > now() - interval '25 days' order by a.id limit 1")
expect_status 'an account' 0 x export account "$key" --format jsonl --output "$WORK/account"
expect_rows 'its memberships, which stay without the person, whole' "$WORK/account" cloud.member eu "select * from cloud.member where account_id = '$key'"
workspace=$(sql eu "select w.id from cloud.workspace w join billing.invoice i on i.workspace_id = w.id where w.cancelled_at > now() - interval '25 days' group by w.id order by 1 limit 1")
expect_status 'a workspace' 0 x export workspace "$workspace" --format jsonl --output "$WORK/workspace"
expect_rows 'its invoices, which the law keeps' "$WORK/workspace" billing.invoice eu "select * from billing.invoice where workspace_id = '$workspace'"
expect_json 'and says so' keep "$WORK/workspace/manifest.json" "select t ->> 'action' from doc, jsonb_array_elements(j -> 'tables') t where t ->> 'table' = 'billing.invoice'"
expect_no_match 'nothing of it in the ledger' "$STATE/ledger.jsonl" "$key|$workspace|canary"
x run --jobs 1 >"$WORK/run" 2>&1
id=$(disposal_of eu workspace "$workspace")
expect_status 'out of its snapshot' 0 x export workspace "$workspace" --format jsonl --output "$WORK/workspace-snap" --disposal "$id"
expect_rows 'the invoices' "$WORK/workspace-snap" billing.invoice eu "select * from billing.invoice where workspace_id = '$workspace'"
done_testing
