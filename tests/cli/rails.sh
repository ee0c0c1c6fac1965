#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rails.sh -- what stops a deletion (design.md §8): caps, clock, residency, coverage, drift, another subject's row,
# confirmation, holds, pause, SIGTERM, --for, worker.window, triggers, and a poisoned disposal that blocks no other.
# Cited: P3 P5 P6 P7 P13 P17 C1.  Each case has a small database of its own (tests/support/cli.sh says what is in it).
# shellcheck source=tests/support/cli.sh
. "$(dirname "$0")/../support/cli.sh"
cluster_shared

DB=small
small "$DB"
scene() # NAME: the small database as it was at the beginning, and a new house
{
    small_again "$DB" >"$WORK/again" 2>&1 || die "the small schema: $(cat "$WORK/again")"
    small_house "$1" "$DB"
    x init >"$WORK/init" 2>&1 || die "init of $1: $(cat "$WORK/init")"
}
configure() # SED-EXPRESSION...: change the configuration; it is an error when nothing changes
{
    local expression
    for expression in "$@"; do
        cp "$CONF" "$WORK/old.conf"
        sed -i -E "$expression" "$CONF"
        ! cmp -s "$WORK/old.conf" "$CONF" || die "nothing in the configuration matches $expression"
    done
}
ended() # the customers past their grace period that are still there
{
    sql "$DB" "select coalesce(string_agg(id, ' ' order by id), 'none') from app.customer where id like 'e%'"
}
whole() # CUSTOMER → its rows: documents pages events, those that the policy takes not counted
{
    sql "$DB" "select concat_ws(' ', (select count(*) from app.document where customer_id = '$1'), (select count(*) from app.page where document_id in (select id from app.document where customer_id = '$1')),
                      (select count(*) from app.event where customer_id = '$1' and at > now() - interval '90 days'))"
}
expired() # rows past their window: events visits
{
    sql "$DB" "select concat_ws(' ', (select count(*) from app.event where at < now() - interval '90 days'), (select count(*) from app.visit where at < now() - interval '30 days'))"
}
disposal() # CUSTOMER COLUMNS → of its newest disposal
{
    sql "$DB" "select $2 from expunge.disposal where kind = 'customer' and commitment = (select commitment from expunge.disposal where subject_key = '$1' order by id desc limit 1) order by id desc limit 1"
}
error_of() # CUSTOMER, after a run --json
{
    json out "select d.value ->> 'error' from doc, jsonb_array_elements(j -> 'disposals') as d where d.value ->> 'id' = 'eu-' || '$(disposal "$1" id)'"
}
retry_now() # as if the pause before the next attempt were over
{
    sql "$DB" "update expunge.disposal set next_attempt_at = null"
}

# ---- caps -----------------------------------------------------------------------------------------------------------

scene caps
fingerprint "$DB" >"$WORK/before"
cp "$CONF" "$WORK/caps.conf"
expect_cap() # NAME SED-EXPRESSION REGEX
{
    cp "$WORK/caps.conf" "$CONF"
    configure "$2"
    expect_status "$1: the run stops" 11 x run
    expect_match "$1: it says which cap, and how much there would be" err "$3"
    expect_match "$1: and what to do" err 'look at "expunge plan".*--allow-large'
    expect_match "$1: it claims no row" out '^0 rows archived, 0 rows erased'
    expect_unchanged "$1: nothing was changed, nothing was opened" "$WORK/before" "$DB"
}
expect_cap 'max_rows' 's/max_rows = 100000/max_rows = 50/' '[0-9]+ rows would go in this run; safety.max_rows allows 50'
expect_cap 'max_subjects' 's/max_subjects = 10/max_subjects = 2/' '3 subjects would be erased in this run; safety.max_subjects allows 2'
sql "$DB" "insert into app.visit (at) select now() - interval '40 days' from generate_series(1, 600); insert into app.visit (at) select now() from generate_series(1, 600); analyze app.visit"
fingerprint "$DB" >"$WORK/before"
expect_cap 'max_share' 's/max_share = 0.9/max_share = 0.25/' '611 of about 12[0-9][0-9] rows of "app.visit" would go \(4[0-9] %\); safety.max_share allows 25 %'
run x run --json
expect_json 'max_share: in JSON it is a rail, and all rows are left' 'rail 0 0 t' out "select concat_ws(' ', j #>> '{error,code}', j ->> 'rows_archived', j ->> 'rows_erased', (j ->> 'rows_left')::bigint > 600) from doc"
expect_status 'with --allow-large the same run goes through' 0 x run --allow-large
expect_equal 'and has done its work' 'none 0 0' "$(ended) $(expired)"

# ---- clock ----------------------------------------------------------------------------------------------------------

if command -v faketime >/dev/null; then
    scene clock
    fingerprint "$DB" >"$WORK/before"
    for skew in '+20 minutes' '-20 minutes'; do
        expect_status "a clock that differs by $skew stops a run" 11 faketime -f "${skew% minutes}m" "$EXPUNGE" --config "$CONF" run
        expect_match "and it says so ($skew)" err 'clocks of this machine and of database "eu" differ by (19|20) min.*safety.max_clock_skew allows 5 minutes'
        expect_status "a plan, too ($skew)" 11 faketime -f "${skew% minutes}m" "$EXPUNGE" --config "$CONF" plan
    done
    expect_unchanged 'nothing was changed by a wrong clock' "$WORK/before" "$DB"
    expect_status 'two minutes are allowed, and windows are judged by the database'"'"'s clock' 0 faketime -f '+2m' "$EXPUNGE" --config "$CONF" run
else
    skip 'a wrong clock stops a run' 'faketime is not installed'
fi

# ---- residency ------------------------------------------------------------------------------------------------------

scene residency
sql "$DB" "update app.customer set region = 'us' where id in ('e2', 'k1')"
fingerprint "$DB" >"$WORK/before"
expect_status 'P13: an ended customer of another region stops the run' 11 x run
expect_match 'P13: and it is counted, not named' err 'database "eu" of region "eu" holds 1 ended customer\(s\) of another region'
expect_unchanged 'P13: nothing was changed' "$WORK/before" "$DB"
sql "$DB" "update app.customer set region = 'eu' where id = 'e2'"
configure 's/region = "eu"/region = "us"/g'
expect_status 'P13: a configuration of another region than the installation'"'"'s is refused' 11 x run
expect_match 'P13: it names both' err 'database "eu" was installed with region "eu", the configuration says "us"'
configure 's/region = "us"/region = "eu"/g' 's/name = "eu"; conninfo/name = "elsewhere"; conninfo/'
expect_status 'a conninfo that leads to another database than it says is refused' 11 x run
expect_match 'it names both databases' err '"elsewhere" leads to a database that was installed as "eu"'
configure 's/name = "elsewhere"; conninfo/name = "eu"; conninfo/'
expect_status 'P13: in the right region the run goes on; who has not ended may live anywhere' 0 x run
expect_equal 'and does its work' none "$(ended)"

# ---- coverage: fail closed ------------------------------------------------------------------------------------------

scene coverage
sql "$DB" 'create table app.forgotten (id bigint primary key, customer_email text)'
expect_status 'a table that nobody classified stops the erasure of subjects' 11 x run --json
expect_match 'and is named' out 'app.{1,5}forgotten'
expect_equal 'no subject was erased' 'e1 e2 e3 | 3 6 5' "$(ended) | $(whole e1)"
expect_equal 'the policies went on' '0 0' "$(expired)"
sql "$DB" 'create table app.forgotten_too (id bigint primary key)'
run x plan
expect_match 'a plan names every table that is not covered' out 'app.*forgotten.*app.*forgotten_too'
configure 's/"app.country" \]/"app.country", "app.forgotten", "app.forgotten_too" ]/'
retry_now
expect_status 'once they are classified the erasure goes on' 0 x run
expect_equal 'and comes to its end' none "$(ended)"

sql "$DB" 'create table app.cache (id bigint primary key, customer_id text)'
configure 's/"app.forgotten_too" \]/"app.forgotten_too", "app.cache" ]/'
run x check
expect_match 'C1: check reports a column that looks like a subject'"'"'s key and is covered by nothing, even in a global table' out 'app.cache.*customer_id|customer_id.*app.cache'

# ---- drift ----------------------------------------------------------------------------------------------------------

scene drift
expect_status 'the scope is accepted' 0 x check --accept
sql "$DB" "create table app.note (id bigint primary key, customer_id text not null references app.customer, body text);
           create index on app.note (customer_id); insert into app.note values (1, 'e1', 'x')"
expect_status 'a schema that changed since it was accepted stops the erasure of subjects' 11 x run --json
expect_match 'what is new is named' out 'changed since .*check --accept.*app.*note'
expect_equal 'no subject was erased, the policies went on' 'e1 e2 e3 0 0' "$(ended) $(expired)"
expect_status 'accepted again' 0 x check --accept
retry_now
expect_status 'it goes on, with the new table in its scope' 0 x run
expect_equal 'and comes to its end' 'none 0' "$(ended) $(sql "$DB" 'select count(*) from app.note')"

# ---- another subject's row --------------------------------------------------------------------------------------------

scene foreign
sql "$DB" "create table app.share (document_id bigint references app.document, customer_id text references app.customer, primary key (document_id, customer_id));
           create index on app.share (customer_id);
           insert into app.share select id, 'e2' from app.document where customer_id = 'e2';
           insert into app.share select id, 'k1' from app.document where customer_id = 'e1'"
expect_status 'a row of a subject that names another one by another edge stops the disposal' 11 x run --json
expect_match 'with a count and the table, and the edge that disagrees' out '3 row\(s\) of \\"\\?"?app.*share.*share_customer_id_fkey'
expect_equal 'that subject is whole; the others are erased, their own shares too' 'e1 | 3 6 5 | 3' "$(ended) | $(whole e1) | $(sql "$DB" 'select count(*) from app.share')"
expect_status 'it is the same in a plan' 0 x plan --json
expect_equal 'which says it, too' t "$(json out "select bool_or(d.value ->> 'error' like '3 row(s) of%share%') from doc, jsonb_array_elements(j -> 'disposals') as d")"
configure 's/edges = \( \{/edges = ( { from = "app.share(customer_id)"; to = "app.customer(id)"; action = "delete"; }, {/'
retry_now
expect_status 'an edge with an action in the configuration settles it' 0 x run
expect_equal 'and the row goes with the subject' 'none 0' "$(ended) $(sql "$DB" 'select count(*) from app.share')"

scene foreign_soft
sql "$DB" "create table app.share (document_id bigint references app.document, customer_id text, primary key (document_id, customer_id));
           create index on app.share (customer_id);
           insert into app.share select id, 'k1' from app.document where customer_id = 'e1'"
configure 's/edges = \( \{/edges = ( { from = "app.share(customer_id)"; to = "app.customer(id)"; }, {/'
expect_status 'it is the same where the other edge is only declared in the configuration, without an action' 11 x run --json
expect_equal 'that subject is whole' 'e1 | 3 6 5 | 3' "$(ended) | $(whole e1) | $(sql "$DB" 'select count(*) from app.share')"

# ---- confirmation -----------------------------------------------------------------------------------------------------

scene confirm
sql "$DB" "update app.customer set status = 'active' where id = 'e1'; update app.customer set status = null where id = 'e2'" 2>"$WORK/null" ||
    sql "$DB" "alter table app.customer alter status drop not null; update app.customer set status = 'active' where id = 'e1'; update app.customer set status = null where id = 'e2'"
expect_status 'a run with two customers whose end is not confirmed' 0 x run
expect_equal 'a customer whose confirmation says no, or nothing, is not erased' 'e1 e2' "$(ended)"
expect_equal 'and not touched' '3 6 5 | 3 6 5' "$(whole e1) | $(whole e2)"
sql "$DB" "update app.customer set status = 'ended' where id = 'e1'"
configure "s/confirm = \"status = 'ended'\"/confirm = \"status = 'ended' and 1 \/ (length(id) - 2) > 0\"/"
sql "$DB" "insert into app.event (customer_id, at, body) values ('k1', now() - interval '100 days', 'late')"
expect_status 'a confirmation that fails is a no, and stops its own kind alone' 12 x run --json
expect_equal 'no customer was erased; the policy went on' 'e1 e2 | 0 0' "$(ended) | $(expired)"

scene back
run x run
expect_equal 'P5: a customer in the grace period is archived' archived "$(disposal g1 state)"
key=$(disposal g1 key_id)
snapshot=$(disposal g1 snapshot_name)
expect_true 'the snapshot is there' test -d "$STATE/snapshots/$snapshot"
app_fingerprint "$DB" >"$WORK/before"
sql "$DB" "update app.customer set ended_at = null, status = 'active' where id = 'g1'"
app_fingerprint "$DB" >"$WORK/returned"
expect_status 'P5: who comes back within the grace period is withdrawn by the next run' 0 x run
expect_equal 'P5: the disposal is withdrawn, its key destroyed' 'withdrawn t' "$(sql "$DB" "select state, key_destroyed_at is not null from expunge.disposal where key_id = '$key'" -F ' ')"
expect_true 'P5: the copy is gone' test ! -e "$STATE/snapshots/$snapshot"
expect_unchanged 'P5: nothing of the customer is lost' "$WORK/returned" "$DB" '^app'
sql "$DB" "update app.customer set ended_at = now() - interval '3 days', status = 'ended' where id = 'g1'"
run x run
expect_equal 'who leaves once more gets a new disposal with a new grace period' 'archived 1' "$(disposal g1 "state || ' ' || (erase_after > now() + interval '26 days' and id > 1)::int")"
sql "$DB" "update app.customer set ended_at = now() - interval '31 days' where id = 'g1'"
run x run
expect_equal 'a disposal whose end was moved is withdrawn, not erased by the old date' 'withdrawn' "$(sql "$DB" "select state from expunge.disposal where kind = 'customer' and snapshot_name is not null order by id desc limit 1")"
run x run
expect_equal 'and judged by the new one' 0 "$(sql "$DB" "select count(*) from app.customer where id = 'g1'")"

# a run of the test build that waits at a fault point; then COMMAND; then it goes on.  Its status is in STATUS.
while_at() # POINT COMMAND ARGUMENTS-OF-EXPUNGE...
{
    local point=$1 command=$2 pid i
    shift 2
    rm -f "$WORK/go" "$WORK/go.reached"
    EXPUNGE_FAULT_PAUSE="$point:$WORK/go" "$EXPUNGE_FAULTY" --config "$CONF" "$@" >"$OUT" 2>"$ERR" </dev/null &
    pid=$!
    for ((i = 0; i < 1000; i++)); do
        [ ! -e "$WORK/go.reached" ] || break
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.02
    done
    [ -e "$WORK/go.reached" ] || not_ok "the run reaches $point" "$(cat "$ERR")"
    WORKER=$pid eval "$command"
    : >"$WORK/go"
    wait "$pid"
    STATUS=$?
}

policies_first() # so that the first fault point is a customer's
{
    local policy
    for policy in events visits; do
        x run --policy "$policy" >"$WORK/first" 2>&1 || die "policy $policy: $(cat "$WORK/first")"
    done
}

scene reread
policies_first
while_at begin.committed "sql $DB \"update app.customer set ended_at = null, status = 'active' where id = 'e1'\"" run --jobs 1 --json
expect_equal 'who comes back when the erasure has begun stops it: a person must look' '11 | e1 | 3 6 5' "$STATUS | $(ended) | $(whole e1)"
expect_match 'it says so' out 'does not say any more that it has ended'

# ---- holds --------------------------------------------------------------------------------------------------------------

scene holds
sql "$DB" "insert into expunge.hold (kind, subject_key, type, reason, reference) values ('customer', 'e1', 'legal', 'dispute', null), ('customer', 'k1', 'legal_process', 'order', 'AZ 12/26'), ('customer', 'k2', 'restriction', 'art 18', null);
           insert into expunge.hold (kind, subject_key, type, reason, expires_at) values ('customer', 'e2', 'legal', 'over', now() - interval '1 second');
           insert into expunge.hold (kind, subject_key, type, reason, released_at) values ('customer', 'e3', 'legal', 'lifted', now());
           insert into expunge.hold (kind, subject_key, type, reason) values ('server', 'k3', 'legal', 'another kind')"
run x plan --json
expect_json 'P6, P7, P17: a plan counts the rows that holds keep' '15 held' out "select (h.value ->> 'rows') || ' ' || (h.value ->> 'why') from doc, jsonb_array_elements(j -> 'disposals') as d, jsonb_array_elements(d.value -> 'held') as h where d.value ->> 'name' = 'events'"
expect_status 'P6: a hold is no failure of a run' 0 x run --jobs 1 --json
expect_equal 'P6: the held customer stays, the others go: an expired and a released hold forbid nothing' e1 "$(ended)"
expect_equal 'P6: all of it, down to the expired events' '3 6 5 | 10' "$(whole e1) | $(sql "$DB" "select count(*) from app.event where customer_id = 'e1'")"
expect_equal 'P7, P17: expired events of the held are kept, of each type of hold, and no others; a key of another kind is another key' 'e1 5 k1 5 k2 5' \
    "$(sql "$DB" "select string_agg(customer_id || ' ' || n, ' ' order by customer_id) from (select customer_id, count(*) as n from app.event where at < now() - interval '90 days' group by 1) as t")"
expect_json 'P6: the run says which disposal is held, until when, and by which hold' 'hold 1 (legal) forbids it' out "select d.value ->> 'error' from doc, jsonb_array_elements(j -> 'disposals') as d where d.value ->> 'error' is not null"
expect_equal 'P6: being held is no attempt that failed' '0' "$(disposal e1 attempts)"
expect_status 'P6: the disposal alone: exit status 10' 10 x run --disposal "eu-$(disposal e1 id)"
expect_match 'P6: and the reason' err 'a hold forbids it'
expect_status 'P6: a policy alone whose rows are all held has nothing to do' 0 x run --policy events
sql "$DB" "update expunge.hold set released_at = now() where subject_key = 'e1'; update expunge.hold set expires_at = now() - interval '1 second' where subject_key = 'k1'"
expect_status 'P6: when a hold is released or expires, the next run goes on by itself' 0 x run
expect_equal 'P6: and only the other held rows are left' 'none | k2 5' "$(ended) | $(sql "$DB" "select string_agg(customer_id || ' ' || n, ' ' order by customer_id) from (select customer_id, count(*) as n from app.event where at < now() - interval '90 days' group by 1) as t")"

# ---- one poisoned disposal ----------------------------------------------------------------------------------------------

scene poison
sql "$DB" "create function app.refuse() returns trigger language plpgsql as \$\$begin
               if old.document_id in (select id from app.document where customer_id = 'e1') then raise exception 'this page % must stay', old.body; end if; return old; end\$\$;
           create trigger refuse before delete on app.page for each row execute function app.refuse()"
expect_status 'one disposal that a trigger refuses is stopped: exit status 11' 11 x run --jobs 1 --json
expect_match 'the error names the table' out 'while erasing .*app.*page'
expect_no_match 'but no value of a row' out 'Secret|must stay'
expect_equal 'it is whole; the next ones went on' 'e1 | 3 6 5' "$(ended) | $(whole e1)"
expect_equal 'the attempt is counted, the next one waits a minute' '1 1' "$(disposal e1 "attempts || ' ' || (next_attempt_at between now() + interval '30 seconds' and now() + interval '70 seconds')::int")"
expect_equal 'what went wrong is kept, without the row'"'"'s value' t "$(disposal e1 "last_error is not null and last_error not like '%Secret%'")"
expect_status 'a run that does nothing while it is overdue: exit status 13' 13 x run
expect_match 'it says which, until when it waits, and what went wrong' out '^    waits until 2[0-9T:-]+Z: .*while erasing .*app.*page'
expect_equal 'before its time it was not tried again' 1 "$(disposal e1 attempts)"
retry_now
run x run
expect_equal 'the second failure waits five minutes' '2 1' "$(disposal e1 "attempts || ' ' || (next_attempt_at between now() + interval '4 minutes' and now() + interval '6 minutes')::int")"
sql "$DB" 'drop trigger refuse on app.page'
retry_now
expect_status 'when the cause is gone, the next attempt comes to its end' 0 x run
expect_equal 'with nothing left' 'none cleared' "$(ended) $(sql "$DB" "select state from expunge.disposal where kind = 'customer' order by attempts desc, id limit 1")"

# what cannot even be looked at blocks nobody else
scene infinite
sql "$DB" "update app.customer set ended_at = '-infinity' where id = 'e1'; update app.customer set ended_at = 'infinity' where id = 'e2'"
expect_status 'an end that is no point in time stops its own subject' 12 x run --json
expect_match 'and is told' out 'ended_at.* holds a point in time that cannot be judged'
expect_equal 'the others go on' 'e1 e2 | 3 6 5 | 0 0' "$(ended) | $(whole e1) | $(expired)"

scene exempt
configure "s/subject = \{ kind = \"customer\"; column = \"customer_id\"; \}; \},/subject = { kind = \"customer\"; column = \"customer_id\"; }; exempt = ( { where = \"1 \/ (length(body) - 1000) > length(body) \/ 0\"; keep_for = \"1 year\"; purpose = \"p\"; basis = \"b\"; } ); },/"
expect_status 'an exemption that cannot be judged stops its own policy' 12 x run --json
expect_match 'and is told' out '22012'
expect_equal 'nothing of that policy was moved; the others went on' 'none | 50 0' "$(ended) | $(expired)"

scene itself
sql "$DB" 'alter table app.customer add parent_id text references app.customer; create index on app.customer (parent_id)'
expect_status 'a root that would drag other roots along: nobody of this kind is erased, and not in silence' 11 x run --json
expect_match 'it is named, and what to say in the configuration' out 'app.customer.* refers to itself.*action = .*set_null'
expect_equal 'the policies went on' 'e1 e2 e3 | 0 0' "$(ended) | $(expired)"

# ---- rows that refuse silently --------------------------------------------------------------------------------------------

scene silent
sql "$DB" "create function app.ignore() returns trigger language plpgsql as \$\$begin
               if old.document_id in (select id from app.document where customer_id = 'e1') then return null; end if; return old; end\$\$;
           create trigger ignore before delete on app.page for each row execute function app.ignore()"
expect_status 'a trigger that returns NULL stops the disposal' 11 x run --jobs 1 --json
expect_match 'the rows are counted' out '6 row\(s\) of .*page.* were selected and are still there: a trigger, a rule or row security'
expect_equal 'the batch was rolled back, the others went on' 'e1 | 3 6 5' "$(ended) | $(whole e1)"

scene silent_move
sql "$DB" "create function app.ignore() returns trigger language plpgsql as \$\$begin if old.customer_id = 'k1' then return null; end if; return old; end\$\$;
           create trigger ignore before delete on app.event for each row execute function app.ignore()"
expect_status 'a trigger that keeps rows back stops a moving policy' 11 x run --jobs 1 --json
expect_equal 'no row left its table without being in the snapshot: nothing was moved, but the subjects went' 50 "$(sql "$DB" "select count(*) from app.event where at < now() - interval '90 days'")"
expect_match 'and says how many' out '65 row\(s\) of .*event.* were copied, but 60 were deleted: a trigger, a rule or row security keeps them'

scene rule
sql "$DB" "create rule keep as on delete to app.page where old.document_id in (select id from app.document where customer_id = 'e1') do instead nothing"
expect_status 'a rule on a table of the scope stops everybody of this kind, and not in silence' 11 x run --jobs 1 --json
expect_match 'the table is named' out 'app.{1,5}page.{1,3} has a rule'
expect_equal 'nobody was erased, the policies went on' 'e1 e2 e3 | 3 6 5 | 0 0' "$(ended) | $(whole e1) | $(expired)"

scene root
sql "$DB" "create function app.ignore() returns trigger language plpgsql as 'begin return null; end'; create trigger ignore before delete on app.customer for each row execute function app.ignore()"
expect_status 'a root row that refuses to be deleted stops the disposal' 11 x run --jobs 1 --json
expect_match 'and is named' out '1 row\(s\) of .*customer.* were selected and are still there: a trigger, a rule or row security keeps them'
expect_equal 'all are there' 'e1 e2 e3' "$(ended)"

# ---- pause ----------------------------------------------------------------------------------------------------------------

scene pause
expect_status 'pause wants a reason' 64 x pause
expect_match 'and says so' err 'expunge pause --reason TEXT'
expect_status 'pause with a reason' 0 x pause --reason 'audit on Monday'
expect_line 'says that it is paused' out 'database "eu" is paused'
app_fingerprint "$DB" >"$WORK/before"
expect_status 'a run that does nothing while something is overdue fails: exit status 13' 13 x run
expect_match 'the reason is told' out 'note: database "eu": paused since .* by ".*": audit on Monday'
expect_match 'so is what is overdue' err 'nothing was done while [0-9]+ disposal\(s\) are overdue'
expect_match 'no row is claimed' out '^0 rows archived, 0 rows erased from the live tables, [1-9][0-9]* rows left'
expect_unchanged 'nothing was changed while paused' "$WORK/before" "$DB" '^app'
expect_match 'the metrics say it, too' "$WORK/pause/expunge.prom" '^expunge_last_run_exit_status 13$'
run x pause --reason again
expect_line 'pausing twice changes nothing' out 'database "eu" is already paused'
expect_status 'a plan may be made meanwhile' 0 x plan
expect_status 'resume' 0 x resume
expect_line 'says so' out 'database "eu" is at work'
expect_status 'and the next run does its work' 0 x run
expect_equal 'to its end' 'none 0 0' "$(ended) $(expired)"
expect_status 'a paused run with nothing overdue is no failure' 0 sh -c "'$EXPUNGE' --config '$CONF' pause --reason x && '$EXPUNGE' --config '$CONF' run"

scene pause_midway
policies_first
# shellcheck disable=SC2016 # expanded when it is run
while_at begin.committed 'x pause --reason now >"$WORK/paused"' run --jobs 1 --json
expect_equal 'pause in mid-run: the worker stops at its next batch, with work left' 12 "$STATUS"
expect_match 'and says why' out 'paused: .*expunge resume.* lets it go on'
expect_equal 'nothing of the disposal under way was erased, nothing of the others' 'e1 e2 e3 | 3 6 5' "$(ended) | $(whole e1)"
expect_equal 'a pause is no attempt that failed' 0 "$(disposal e1 attempts)"
run x resume
expect_status 'resumed, the next run goes on where the last one stopped' 0 x run
expect_equal 'and comes to its end' none "$(ended)"

# ---- SIGTERM, --for, window -------------------------------------------------------------------------------------------------

scene term
policies_first
# shellcheck disable=SC2016 # expanded when it is run
while_at erase.deleted 'kill -TERM $WORKER' run --jobs 1 --json
expect_equal 'SIGTERM in mid-run: work is left' 12 "$STATUS"
expect_match 'and it says why' out 'interrupted by SIGTERM: the batch under way was finished'
expect_equal 'the batch under way was finished and committed, nothing else was begun' 'e1 e2 e3 | 3 0 5 | 3 6 5' "$(ended) | $(whole e1) | $(whole e2)"
expect_json 'what was not begun is not claimed' t out "select (j ->> 'rows_left')::bigint > 0 from doc"
expect_status 'the next run goes on from there' 0 x run
expect_equal 'and comes to its end' 'none 0 0' "$(ended) $(expired)"
expect_status 'the ledger has it all' 0 x verify ledger

scene for
sql "$DB" "create function app.slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.7); return old; end'; create trigger slow before delete on app.document for each row execute function app.slow()"
expect_status '--for: when the time is over, work is left' 12 x run --jobs 1 --for '1 s' --json
expect_match 'and it says why' out 'the time given by --for is over'
expect_true 'something was done, something is left' test "$(ended)" != none
sql "$DB" 'drop trigger slow on app.document'
expect_status 'the next run goes on' 0 x run --for '10 min'
expect_equal 'and comes to its end' none "$(ended)"
for duration in '' 'soon' '5' '-5 min' '0 s' '5 fortnights'; do
    expect_status "--for \"$duration\" is no duration" 64 x run --for "$duration"
done

scene window
from=$(($(date -u +%-H) + 3))
configure "s/jobs = 1;/jobs = 1; window = \"$(printf '%02d:00-%02d:00' $((from % 24)) $(((from + 1) % 24)))\";/"
app_fingerprint "$DB" >"$WORK/before"
expect_status 'outside worker.window nothing is done, and what is overdue makes it a failure' 13 x run
expect_match 'it says that it is outside the window' out 'note: outside worker.window'
expect_unchanged 'nothing was changed outside the window' "$WORK/before" "$DB" '^app'
configure 's/ window = "[^"]*";//' "s/jobs = 1;/jobs = 1; window = \"$(date -u -d '-1 hour' +%H:%M)-$(date -u -d '+1 hour' +%H:%M)\";/"
expect_status 'within it the run does its work' 0 x run
expect_equal 'to its end' none "$(ended)"

# ---- asked for by name ------------------------------------------------------------------------------------------------------

scene names
expect_status '--policy: only this one' 0 x run --policy visits
expect_equal 'the others wait' 'e1 e2 e3 | 65 0' "$(ended) | $(expired)"
for verb in run plan; do
    expect_status "$verb: an unknown policy is refused" 64 x "$verb" --policy event
    expect_match "$verb: with the nearest right name" err 'no policy "event"; did you mean "events"\?'
done
expect_status 'plan of one subject' 0 x plan customer e1 --json
expect_json 'tells of that one alone' '1 customer erase' out "select concat_ws(' ', count(*), min(d.value ->> 'kind'), min(d.value ->> 'step')) from doc, jsonb_array_elements(j -> 'disposals') as d"
expect_status 'plan of somebody who has not ended' 0 x plan customer k1 --json
expect_json 'is empty' 0 out "select jsonb_array_length(j -> 'disposals') from doc"
expect_status 'an unknown kind is refused' 64 x plan custommer e1
expect_match 'with the nearest right name' err 'no subject kind "custommer"; did you mean "customer"\?'
expect_status 'a kind without a key is refused' 64 x plan customer
for key in '' ' ' ' e1' 'e1 ' $'e1\n' $'\te1' 'e%' '*' 'e?' '%'; do
    expect_status "an empty, padded or wildcard key is refused: \"${key//$'\n'/\\n}\"" 64 x plan customer "$key"
done
expect_status 'a disposal that is none is refused' 64 x run --disposal e1
expect_status 'a disposal that nobody knows is refused' 64 x run --disposal eu-4711
expect_status 'a disposal of an unknown database is refused' 64 x run --disposal us-1
expect_equal 'nobody was erased by all that' 'e1 e2 e3' "$(ended)"
done_testing
