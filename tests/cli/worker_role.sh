#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# worker_role.sh -- least privilege (P19, design.md §10): the owner installs, a login role that is only a member of
# expunge_worker does the work; what it may not do stops a disposal before it is half done; row security filters nothing
# in silence; support and auditor see nothing of the application.
# shellcheck source=tests/support/cli.sh
. "$(dirname "$0")/../support/cli.sh"
cluster_shared

owner=$(database_name owner)
worker=$(database_name worker)
at_end "sql /postgres 'drop role if exists \"$owner\"; drop role if exists \"$worker\"' >/dev/null 2>&1"
# shellcheck disable=SC2016 # expanded when it is run
at_end 'for d in "${databases[@]}"; do sql /postgres "drop database if exists \"$d\" with (force)" >/dev/null 2>&1; done'
sql /postgres "create role \"$owner\" login createrole; create role \"$worker\" login"

give_to_owner() # DATABASE: as if the owner had made it all
{
    sql /postgres "alter database \"$(database_name "$1")\" owner to \"$owner\""
    sql "$1" - <<END
do \$\$
declare
    v record;
begin
    for v in select nspname from pg_namespace where nspname !~ '^(pg_|information_schema|public)' loop
        execute format('alter schema %I owner to %I', v.nspname, '$owner');
    end loop;
    for v in select c.oid::regclass as name from pg_class c where relkind in ('r', 'p') and relnamespace::regnamespace::text !~ '^(pg_|information_schema)' loop
        execute format('alter table %s owner to %I', v.name, '$owner');
    end loop;
end\$\$;
revoke all on database "$(database_name "$1")" from public;
grant connect, temporary on database "$(database_name "$1")" to public;
END
}
as_worker()
{
    sed -i "s/ user=postgres / user=$worker /" "$CONF"
}

# ---- the whole job, in the reference schema -------------------------------------------------------------------------

reference eu
give_to_owner eu
house home eu
as_worker
expect_status 'without an installation the worker is told what to do' 78 x plan
expect_match 'and by which command' err 'expunge init'
expect_status 'the owner of the database installs schema expunge; no superuser is needed' 0 x init --user "$owner"
sql eu "grant expunge_worker to \"$worker\""
expect_equal 'P19: the worker is no superuser, may make no role, and passes no row security' 'f f f f' \
    "$(sql eu "select rolsuper, rolcreaterole, rolcreatedb, rolbypassrls from pg_roles where rolname = '$worker'" -F ' ')"
expect_equal 'P19: the worker owns nothing, may insert and truncate nothing of the application' 0 \
    "$(sql eu "select count(*) from pg_class c, unnest(array['insert', 'truncate', 'references', 'trigger']) as p where relkind in ('r', 'p') and relnamespace::regnamespace::text !~ '^(pg_|information_schema|expunge)' and has_table_privilege('$worker', c.oid, p)")"
expect_equal 'P6: the worker may neither place nor remove a hold' 'f f f' \
    "$(sql eu "select has_table_privilege('$worker', 'expunge.hold', 'insert'), has_table_privilege('$worker', 'expunge.hold', 'delete'), has_table_privilege('$worker', 'expunge.hold', 'truncate')" -F ' ')"
expect_equal 'nobody else may look into schema expunge' f "$(sql eu "select has_schema_privilege('public', 'expunge', 'usage')")"
expect_status 'init again changes nothing' 0 x init --user "$owner"
expect_status 'P19: as such a worker: check' 0 x check
expect_no_match 'which finds no error' out '^ *error '
expect_status 'plan' 0 x plan --json
json_work out >"$WORK/planned"
expect_status 'run' 0 x run --jobs 1 --json
json_work out >"$WORK/done"
expect_true 'which does what was planned' diff "$WORK/planned" "$WORK/done"
expect_status 'status' 0 x status
expect_status 'report' 0 x report
expect_status 'certificate' 0 x certificate "$(sql eu "select 'eu-' || min(id) from expunge.disposal where state = 'cleared'")"
expect_status 'verify' 0 x verify
expect_status 'snapshot list' 0 x snapshot list
expect_status 'pause and resume' 0 sh -c "'$EXPUNGE' --config '$CONF' pause --reason x && '$EXPUNGE' --config '$CONF' resume"

for role in expunge_support expunge_auditor expunge_notifier; do
    expect_equal "P19: role $role can read and write nothing of the application" 0 \
        "$(sql eu "select count(*) from pg_class c, unnest(array['select', 'insert', 'update', 'delete', 'truncate']) as p where relkind in ('r', 'p', 'v', 'm') and relnamespace::regnamespace::text !~ '^(pg_|information_schema|expunge)' and (has_table_privilege('$role', c.oid, p) or (p in ('select', 'insert', 'update') and has_any_column_privilege('$role', c.oid, p)))")"
    expect_equal "role $role is a group: nobody logs in as it" f "$(sql eu "select rolcanlogin from pg_roles where rolname = '$role'")"
    [ "$role" != expunge_notifier ] || continue # it has states of messages to write: tests/copies/processors.sh
    expect_equal "role $role changes nothing of expunge by hand" 0 \
        "$(sql eu "select count(*) from pg_class c, unnest(array['insert', 'update', 'delete', 'truncate']) as p where relkind = 'r' and relnamespace::regnamespace::text = 'expunge' and has_table_privilege('$role', c.oid, p)")"
done

# ---- a privilege is missing --------------------------------------------------------------------------------------------

DB=small
small "$DB"
scene() # NAME: the small database as it was at the beginning, with an owner and a worker
{
    small_again "$DB" >"$WORK/again" 2>&1 || die "the small schema: $(cat "$WORK/again")"
    give_to_owner "$DB"
    small_house "$1" "$DB"
    as_worker
    x init --user "$owner" >"$WORK/init" 2>&1 || die "init of $1: $(cat "$WORK/init")"
    sql "$DB" "grant expunge_worker to \"$worker\"" 2>"$WORK/notice"
}
ended()
{
    sql "$DB" "select coalesce(string_agg(id, ' ' order by id), 'none') from app.customer where id like 'e%'"
}
expect_denied() # NAME REVOKED TABLE WHAT-IS-LEFT
{
    scene "denied_$1"
    sql "$DB" "revoke $2 on $3 from expunge_worker"
    app_fingerprint "$DB" | grep -v -e visit -e event >"$WORK/before"
    run x run --jobs 1 --json
    expect_true "without $2 on $3 a run fails: 77, or work left" test "$STATUS" = 77 -o "$STATUS" = 12
    expect_match "without $2 on $3: the table is named" out "${3/./.{1,5\}}"
    expect_true "without $2 on $3: nothing is half done" diff "$WORK/before" <(app_fingerprint "$DB" | grep -v -e visit -e event)
    expect_equal "without $2 on $3: the other policy went on" 0 "$(sql "$DB" "select count(*) from app.visit where at < now() - interval '30 days'")"
    run x check
    expect_match "without $2 on $3: check names it, with the grant that is missing" out "[Gg][Rr][Aa][Nn][Tt] .*${3/./.{1,3\}}.*"
    sql "$DB" "grant $2 on $3 to expunge_worker; update expunge.disposal set next_attempt_at = null"
    expect_status "with $2 on $3 the next run goes on" 0 x run
    expect_equal "with $2 on $3 it comes to its end" none "$(ended)"
}
expect_denied leaf delete app.page
expect_denied middle delete app.document
expect_denied read select app.page
expect_denied root delete app.customer

scene stranger
sql "$DB" "revoke expunge_worker from \"$worker\""
expect_status 'a role that is no member of expunge_worker: no permission' 77 x run
expect_match 'and is told so' err 'expunge_worker|permission'

# ---- row security ----------------------------------------------------------------------------------------------------

scene security
sql "$DB" "alter table app.event enable row level security; create policy part on app.event using (customer_id <> 'e1')"
run x run --jobs 1 --json
expect_true 'row security that would hide rows stops what reaches the table' test "$STATUS" = 77 -o "$STATUS" = 12 -o "$STATUS" = 11
expect_match 'the table is named' out 'app.{1,5}event'
expect_equal 'nothing of it was moved or erased; the other policy went on' '65 e1 e2 e3 0' \
    "$(sql "$DB" "select count(*) from app.event where at < now() - interval '90 days'") $(ended) $(sql "$DB" "select count(*) from app.visit where at < now() - interval '30 days'")"
expect_equal 'no customer is half erased' '9 18' "$(sql "$DB" "select count(*) || ' ' || (select count(*) from app.page where document_id in (select id from app.document where customer_id like 'e%')) from app.document where customer_id like 'e%'")"
run x check
expect_match 'check says what row security needs' out 'row security|BYPASSRLS|bypassrls'
sql /postgres "alter role \"$worker\" bypassrls"
sql "$DB" 'update expunge.disposal set next_attempt_at = null'
expect_status 'a worker that passes row security goes on' 0 x run
expect_equal 'to the end' none "$(ended)"
sql /postgres "alter role \"$worker\" nobypassrls"
done_testing
