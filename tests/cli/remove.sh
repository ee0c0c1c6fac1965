#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# remove.sh -- during_grace = "remove": a subject's rows leave the live tables at the start of the grace period, and come
# back bit for bit, or are erased at its end (P3, P5, P6).

. "$(dirname "$0")/../support/cli.sh"
cluster_shared

removing_house() # NAME DATABASE
{
    small_house "$1" "$2"
    sed -i 's/during_grace = "keep"/during_grace = "remove"/' "$CONF"
}

all_rows() # every row of the application
{
    sql db - <<'END'
copy (select 'customer', t from app.customer t) to stdout;
copy (select 'document', t from app.document t) to stdout;
copy (select 'page', t from app.page t) to stdout;
copy (select 'event', t from app.event t) to stdout;
END
}
of_g1="(select count(*) from app.customer where id = 'g1'), (select count(*) from app.document where customer_id = 'g1'),
       (select count(*) from app.page p join app.document d on d.id = p.document_id where d.customer_id = 'g1'), (select count(*) from app.event where customer_id = 'g1')"
g1() { sql db "select $of_g1" -F ' '; }

begin() # a fresh database and house, the policies' rows and the long-ended customers gone
{
    small_again db
    houses=$((${houses:-0} + 1))
    removing_house "home$houses" db
    expect_status "$1: init" 0 x init
    sql db "delete from app.event where at < now() - interval '80 days'; update app.customer set status = 'active', ended_at = null where id like 'e%';
            delete from app.visit where at < now() - interval '20 days'"
    all_rows | sort >"$WORK/before"
}

small db

# ---- plan, run, status --------------------------------------------------------------------------------------------------

begin 'moved'
run x --json plan customer g1
expect_json 'the plan says that its rows move' 'archive app.customer move 1, app.document move 3, app.event move 5, app.page move 6' out \
    "select d ->> 'step' || ' ' || string_agg(concat_ws(' ', t.value ->> 'table', t.value ->> 'action', t.value ->> 'rows'), ', ' order by t.value ->> 'table')
       from doc, jsonb_array_elements(j -> 'disposals') d, jsonb_array_elements(d -> 'tables') t group by d"
cp "$OUT" "$WORK/plan"
run x plan customer g1 --sql
expect_match 'plan --sql copies and deletes in one transaction' out 'begin isolation level repeatable read;'
awk '/^begin/ { n++ } END { print n }' "$OUT" >"$WORK/begins"
expect_equal 'in one' 1 "$(cat "$WORK/begins")"
expect_match 'under the lock on the holds' out '^lock table expunge.hold in share mode;'
expect_status 'the run' 0 x --json run
expect_equal 'plan and run agree' "$(json "$WORK/plan" "select jsonb_path_query_array(j, '\$.disposals[*].tables[*].rows') from doc")" \
    "$(json out "select jsonb_path_query_array(j, '\$.disposals[*].tables[*].rows') from doc")"
expect_json 'they are archived and erased from the live tables' '15 15' out "select concat_ws(' ', j ->> 'rows_archived', j ->> 'rows_erased') from doc"
expect_equal 'all of it is gone' '0 0 0 0' "$(g1)"
id=$(disposal_of db customer g1 archived)
id=eu-${id#db-}
expect_equal 'the disposal waits in its grace period' 'archived true' "$(sql db "select state || ' ' || root_erased from expunge.disposal where 'eu-' || id = '$id'")"
run x status
expect_match 'status says that it was moved' out '15 rows moved into a snapshot, which goes after'
expect_status 'the certificate' 0 x certificate "$id"
expect_match 'says since when no live row is there' out 'live rows erased on +20'
expect_match 'and that a snapshot holds them' out 'a snapshot holds the rows until'
expect_status 'everything verifies' 0 x verify
expect_status 'a drill restores it' 0 x verify --drill
expect_status 'another run does nothing' 0 x run
expect_equal 'of it' '0 0 0 0' "$(g1)"

# ---- back ---------------------------------------------------------------------------------------------------------------

expect_status 'restored' 0 x restore "$id"
all_rows | sort >"$WORK/after"
expect_true 'every row is back, bit for bit' cmp "$WORK/before" "$WORK/after"
expect_equal 'its snapshot and key are gone' 'withdrawn true' "$(sql db "select state || ' ' || (key_destroyed_at is not null) from expunge.disposal where 'eu-' || id = '$id'")"
expect_status 'the next run' 0 x run
expect_equal 'who was brought back keeps the rows, for a new grace period' '1 3 6 5' "$(g1)"
expect_equal 'and is copied' 'archived false' "$(sql db "select state || ' ' || root_erased from expunge.disposal where subject_key = 'g1'")"
expect_status 'absence' 0 x verify absence
sql db "update app.customer set ended_at = null, status = 'active' where id = 'g1'"
expect_status 'back for good: the next run' 0 x run
expect_equal 'withdraws it' '0' "$(sql db "select count(*) from expunge.disposal where state not in ('withdrawn', 'cleared')")"

# ---- the end of the grace period ----------------------------------------------------------------------------------------

begin 'the end'
expect_status 'moved' 0 x run
sql db "insert into app.event (customer_id, at, body) values ('g1', now(), 'late')"
expect_status 'an event that came late is no broken evidence' 0 x verify absence
expect_match 'but is told' out '1 row\(s\) of customer .* came in after disposal .* had moved it'
sql db "update expunge.disposal set erase_after = now() - interval '1 minute' where state = 'archived'"
expect_status 'after the grace period' 0 x run
expect_equal 'the late one is gone, too' '0 0 0 0' "$(g1)"
expect_equal 'cleared' 'cleared' "$(sql db "select state from expunge.disposal where kind = 'customer'")"
id=eu-$(sql db "select id from expunge.disposal where kind = 'customer'")
run x --json certificate "$id"
expect_json 'the certificate counts moved and late rows' '16' out "select sum((t ->> 'rows')::int) from doc, jsonb_array_elements(j -> 'tables') t"
expect_status 'everything verifies' 0 x verify
expect_status 'nobody can restore it' 14 x restore "$id"

# ---- holds --------------------------------------------------------------------------------------------------------------

begin 'held'
sql db "insert into expunge.hold (kind, subject_key, type, reason) values ('customer', 'g1', 'legal', 'a court asks')"
run x run
expect_equal 'a hold forbids that the rows leave' '1 3 6 5' "$(g1)"
expect_match 'and the run says so' out 'hold [0-9]+ \(legal\)'
sql db 'update expunge.hold set released_at = now()'
expect_status 'released' 0 x run
expect_equal 'they leave' '0 0 0 0' "$(g1)"
sql db "insert into expunge.hold (kind, subject_key, type, reason) values ('customer', 'g1', 'legal', 'a court asks');
        update expunge.disposal set erase_after = now() - interval '1 minute' where state = 'archived'"
run x run
expect_equal 'a hold keeps the snapshot' 'archived' "$(sql db "select state from expunge.disposal where kind = 'customer'")"
expect_status 'out of which the rows come back' 0 x restore "eu-$(sql db "select id from expunge.disposal where kind = 'customer'")"
all_rows | sort >"$WORK/after"
expect_true 'bit for bit' cmp "$WORK/before" "$WORK/after"

# ---- withdrawn by a person ------------------------------------------------------------------------------------------------

withdrawn() # NAME: by a person; then everything must be as in $WORK/before, in the live tables alone
{
    local id snapshot
    id=eu-$(sql db "select id from expunge.disposal where kind = 'customer'")
    snapshot=$(sql db "select snapshot_name from expunge.disposal where 'eu-' || id = '$id'")
    expect_true "$1: there is a snapshot" test -d "$STATE/snapshots/$snapshot"
    expect_status "$1: withdrawn" 0 x withdraw "$id" --reason 'the customer stays'
    expect_status "$1: the worker acts on it" 0 x run --requests
    all_rows | sort >"$WORK/after"
    expect_true "P5: $1: every row is there, bit for bit, each once" cmp "$WORK/before" "$WORK/after"
    expect_equal "P5: $1: the snapshot and its key are destroyed" 'withdrawn true 0' \
        "$(sql db "select state || ' ' || (key_destroyed_at is not null) from expunge.disposal where 'eu-' || id = '$id'") $(find "$STATE/snapshots" -mindepth 1 | wc -l)"
    expect_status "$1: nobody reads it any more" 14 x snapshot cat "$id" app.customer
    expect_status "$1: everything verifies" 0 x verify
}

begin 'withdrawn'
expect_status 'moved' 0 x run
expect_equal 'they are gone' '0 0 0 0' "$(g1)"
withdrawn 'a customer that left'
expect_status 'the next run' 0 x run
expect_equal 'keeps the rows, for a new grace period' '1 3 6 5' "$(g1)"

begin 'withdrawn, with late rows'
expect_status 'moved' 0 x run
sql db "insert into app.event (customer_id, at, body) values ('g1', now(), 'late'), ('g1', now(), 'late')"
all_rows | grep late | sort | sort -m - "$WORK/before" >"$WORK/with" && mv "$WORK/with" "$WORK/before"
withdrawn 'rows that came late stay'

begin 'withdrawn twice'
expect_status 'moved' 0 x run
id=eu-$(sql db "select id from expunge.disposal where kind = 'customer'")
expect_status 'withdrawn' 0 x withdraw "$id" --reason x
sql db "insert into app.customer (id, name) values ('g1', 'Secret New')"
run x run --requests
expect_equal 'whose key somebody else has by now is not brought back, and that is told' '11 archived' "$STATUS $(sql db "select state from expunge.disposal where 'eu-' || id = '$id'")"
expect_equal 'the new one has its row, the old one its snapshot' '1 0 0 0 1' "$(g1) $(find "$STATE/snapshots" -mindepth 1 -maxdepth 1 | wc -l)"
sql db "delete from app.customer where id = 'g1'; update expunge.disposal set next_attempt_at = null"
withdrawn 'when the key is free again'

# ---- a new customer with the old key ------------------------------------------------------------------------------------

begin 'succeeded'
expect_status 'moved' 0 x run
sql db "insert into app.customer (id, name, created_at) values ('g1', 'Secret New', now()); insert into app.event (customer_id, at, body) values ('g1', now(), 'of the new one')"
expect_status 'somebody new with the key breaks no evidence' 0 x verify
run x restore "eu-$(sql db "select id from expunge.disposal where kind = 'customer'")"
expect_equal 'the old one cannot come back: its key is taken' 11 "$STATUS"
sql db "update expunge.disposal set erase_after = now() - interval '1 minute' where state = 'archived'"
expect_status 'after the grace period' 0 x run
expect_equal 'the snapshot is gone' cleared "$(sql db "select state from expunge.disposal where kind = 'customer'")"
expect_equal 'and the new one has all that is theirs' '1 0 0 1' "$(g1)"
expect_status 'everything verifies' 0 x verify

begin 'the same one'
expect_status 'moved' 0 x run
sql db "insert into app.customer (id, name, created_at) select 'g1', 'Secret New', incarnation::timestamptz from expunge.disposal where kind = 'customer'"
expect_status 'put back by hand: that is told' 14 x verify absence
sql db "update expunge.disposal set erase_after = now() - interval '1 minute' where state = 'archived'"
expect_status 'and the erasure is a rail' 11 x run
expect_match 'which says why' out 'the root row is back although it was erased'
expect_equal 'nothing went' 1 "$(sql db "select count(*) from app.customer where id = 'g1'")"

# ---- mistakes and rails -------------------------------------------------------------------------------------------------

begin 'rails'
sed -i 's/max_rows = 100000/max_rows = 14/' "$CONF"
expect_status 'what leaves counts for the caps' 11 x run
expect_equal 'nothing left' '1 3 6 5' "$(g1)"
sed -i 's/max_rows = 14/max_rows = 100000/' "$CONF"
sql db "create function app.no() returns trigger language plpgsql as 'begin raise exception ''no''; end'; create trigger no before delete on app.page for each row execute function app.no()"
expect_status 'a trigger that objects stops it before anything is done' 13 x run
expect_match 'and the run says which' out 'tried out and rolled back, because triggers fire on it: while erasing from .app.\..page.'
expect_equal 'and nothing left' '1 3 6 5' "$(g1)"
done_testing
