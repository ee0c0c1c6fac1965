#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# roles.sh -- what support and auditors may do in the database, and nothing else (issue 4; P19, design.md §10): everybody logs
# in and tries.  The functions for support run with the rights of their makers, so that what is found by whoever sets a
# search_path, makes temporary objects, operators and casts, or changes settings must not be found by them.
# shellcheck source=tests/support/desk.sh
. "$(dirname "$0")/../support/desk.sh"
cluster_shared
small "$DB"

# A database that its owner installs, who is no superuser.
owner=$(database_name owner)
at_end "sql /postgres 'drop role if exists \"$owner\"' >/dev/null 2>&1"
sql /postgres "create role \"$owner\" login createrole"
sql "$DB" "alter schema app owner to \"$owner\"; grant create on database \"$(database_name "$DB")\" to \"$owner\"; create extension citext"
sql "$DB" "do \$\$ declare v record; begin for v in select oid::regclass as name from pg_class where relnamespace = 'app'::regnamespace and relkind = 'r' loop
           execute format('alter table %s owner to %I', v.name, '$owner'); end loop; end \$\$"
small_house home "$DB"
expect_status 'the owner of a database installs it' 0 x init --user "$owner"
people expunge_support anna bert
people expunge_auditor carl
people '' nobody
people expunge_worker hand
sed -i "s/ user=postgres / user=$hand /" "$CONF"
expect_status 'a worker that is only a member of expunge_worker' 0 x run
expect_equal 'the installation leaves its owner no member of the worker'"'"'s role' 0 \
    "$(sql "$DB" "select count(*) from pg_auth_members where roleid = 'expunge_worker'::regrole and member = '$owner'::regrole")"
expect_equal 'what looks at a user'"'"'s table runs as the worker, and as nobody else' 'expunge_worker t' \
    "$(sql "$DB" "select proowner::regrole, prosecdef from pg_proc where oid = 'expunge.look_at_root(text, text)'::regprocedure" -F ' ')"
expect_equal 'every function that runs with the rights of its maker has a fixed search_path: pg_catalog first, temporary objects last' 0 \
    "$(sql "$DB" "select count(*) from pg_proc where pronamespace = 'expunge'::regnamespace and not coalesce('search_path=pg_catalog, pg_temp' = any (proconfig), false)")"
expect_equal 'nobody but these roles may call one' '' \
    "$(sql "$DB" "select string_agg(p.oid::regprocedure::text, ' ') from pg_proc p where pronamespace = 'expunge'::regnamespace and has_function_privilege('public', p.oid, 'execute')")"

refused() # NAME ROLE STATEMENT [SQLSTATE-REGEX]
{
    run as "$2" "$3"
    if [ "$STATUS" != 0 ] && grep -qE "ERROR:  (${4:-42501|RX0[0-9][0-9]}):" "$ERR"; then
        ok "$1"
    else
        not_ok "$1" "$(last_run)"
    fi
}

# ---- every table, every view, every function ---------------------------------------------------------------------------------

relations=$(sql "$DB" "select oid::regclass from pg_class where relnamespace = 'expunge'::regnamespace and relkind in ('r', 'v', 'm', 'S', 'p') order by 1")
expect_true 'there are relations to try' test "$(wc -l <<<"$relations")" -gt 20
columns=$(sql "$DB" "select c.oid::regclass || ' ' || (select quote_ident(attname) from pg_attribute a where a.attrelid = c.oid and a.attnum = 2) from pg_class c where relnamespace = 'expunge'::regnamespace and relkind in ('r', 'v', 'm', 'S', 'p')")
while read -r relation column; do
    for statement in "select 1 from $relation limit 1" "select count($column) from $relation" "insert into $relation default values" "delete from $relation" \
        "update $relation set $column = default" "truncate $relation" "lock table $relation" "copy $relation to stdout" "copy (select * from $relation) to stdout" \
        "alter table $relation add column mine integer" "drop table $relation" "drop view $relation" "grant select on $relation to public" "select nextval('$relation')" \
        "create trigger mine before insert on $relation for each row execute function pg_catalog.suppress_redundant_updates_trigger()"; do
        printf '\\echo == %s\nbegin;\n%s;\nrollback;\n' "${statement//\'/}" "$statement"
    done
done <<<"$columns" >"$WORK/tries.sql"
may() # ROLE → what it may: every statement that is not refused for want of a privilege, or for want of sense
{
    psql -qAtX -v VERBOSITY=sqlstate -d "$(conninfo "$DB" | sed 's/ user=postgres / /') user=$1" -f "$WORK/tries.sql" 2>&1 |
        awk '/^== / { if (said != "" && !refused) print said; said = substr($0, 4); refused = 0; next } /ERROR:  (42501|42809|42P01|55000)$/ { refused = 1 } /WARNING:  01007/ { refused = 1 } END { if (!refused) print said }'
}
expect_true 'there is much to try' test "$(grep -c '^.echo' "$WORK/tries.sql")" -gt 400
expect_true 'the owner may do most of it' test "$(sed 's/^\(drop\|alter\|truncate\|delete\|grant\|create\)/select 1; --&/' "$WORK/tries.sql" | psql -qAtX -v VERBOSITY=sqlstate -d "$(conninfo "$DB")" 2>&1 | grep -c -v -E 'ERROR|==')" -gt 100
may "$carl" >"$WORK/may"
expect_equal 'expunge_auditor reads every report view' "$(grep '^expunge.report_' <<<"$relations" | sort)" "$(sed -n 's/^select 1 from \(.*\) limit 1$/\1/p' "$WORK/may" | sort)"
expect_equal 'and may do nothing else' '' "$(grep -v -E '^(select (1|count\([a-z_]*\)) from expunge\.report_[a-z_]*( limit 1)?|copy \(select \* from expunge\.report_[a-z_]*\) to stdout)$' "$WORK/may")"
expect_equal 'expunge_support may do nothing with any table or view' '' "$(may "$anna")"
expect_equal 'nor may anybody else' '' "$(may "$nobody")"
for role in anna carl nobody; do
    refused "$role reads nothing of the application" "${!role}" 'select * from app.customer'
    refused "$role makes nothing in schema expunge" "${!role}" 'create table expunge.mine (a int)' '42501'
    refused "$role makes no function there" "${!role}" "create function expunge.approve(a text) returns void language sql as ''" '42501'
    refused "$role becomes no worker" "${!role}" 'set role expunge_worker' '42501'
    refused "$role becomes no owner" "${!role}" "set role \"$owner\"" '42501'
    refused "$role looks at no root by itself" "${!role}" "select * from expunge.look_at_root('customer', 'k1')" '42501'
    refused "$role is told no approval by itself" "${!role}" "select expunge.is_approved(1)" '42501'
done
for call in "request_erasure('customer', 'k1', 'objection', 't', 'r', 'v')" "approve(1, repeat('0', 64))" "withdraw(1, 'x')" "place_hold('customer', 'k1', 'legal', 'r')" \
    "release_hold(1, 'x')" "subject_status('customer', 'k1')" 'disposal_plan(1)'; do
    refused "an auditor asks for nothing: ${call%%(*}" "$carl" "select expunge.$call" 42501
    refused "nor does anybody else: ${call%%(*}" "$nobody" "select expunge.$call" 42501
done

# ---- no personal data in what an auditor reads ----------------------------------------------------------------------------------

expect_true 'support asks, holds and withdraws' as "$anna" "select expunge.request_erasure('customer', 'k1', 'objection', 'Canary ticket', 'Canary Requester', 'Canary passport'),
    expunge.request_erasure('customer', 'k2', 'customer_request', 'Canary ticket', 'Canary Requester', 'Canary passport', true, 'Secret Name k2'),
    expunge.place_hold('customer', 'k3', 'legal_process', 'Canary reason', now() + interval '1 year', 'Canary reference'), expunge.place_hold('customer', 'k1', 'legal', 'Canary reason')"
expect_true 'and lifts a hold' as "$bert" "select expunge.release_hold($(sql "$DB" 'select min(id) from expunge.hold'), 'Canary reason'), expunge.withdraw((select disposal from expunge.subject_status('customer', 'k1') where item = 'disposal'), 'Canary reason')"
run x run --requests
while read -r view; do
    as "$carl" "copy (select * from $view) to stdout" >>"$WORK/audited" || not_ok "an auditor reads $view"
done < <(grep '^expunge.report_' <<<"$relations")
as "$bert" "copy (select * from expunge.subject_status('customer', 'k3')) to stdout" >>"$WORK/audited"
as "$bert" "copy (select * from expunge.disposal_plan(1)) to stdout" >>"$WORK/audited"
expect_true 'an auditor reads something' test "$(wc -l <"$WORK/audited")" -gt 15
expect_no_match 'without a word, a label or a key of anybody' "$WORK/audited" 'Canary|Secret|(^|[^a-z0-9])[kge][0-9]([^a-z0-9]|$)'
expect_no_match 'and without the users of the database' "$WORK/audited" "$anna|$bert"

# ---- what a caller makes must not be found -------------------------------------------------------------------------------------

sql "$DB" "create schema evil authorization \"$anna\"; grant usage on schema evil to public; create table evil.trace (who text, what text); grant insert on evil.trace to public"
psql -qAtX -v ON_ERROR_STOP=1 -d "$(conninfo "$DB" | sed 's/ user=postgres / /') user=$anna" <<'END' >"$WORK/evil" 2>&1 || die "the trap could not be made: $(cat "$WORK/evil")"
create function evil.caught(text, text) returns boolean language plpgsql as $$ begin insert into evil.trace values (current_user, 'operator'); return true; end $$;
create operator evil.= (leftarg = text, rightarg = text, function = evil.caught);
create operator evil.<> (leftarg = text, rightarg = text, function = evil.caught);
create operator evil.~ (leftarg = text, rightarg = text, function = evil.caught);
create function evil.btrim(text, text) returns text language plpgsql as $$ begin insert into evil.trace values (current_user, 'btrim'); return 'x'; end $$;
create function evil.length(text) returns integer language plpgsql as $$ begin insert into evil.trace values (current_user, 'length'); return 1; end $$;
create function evil.clock_timestamp() returns timestamptz language plpgsql as $$ begin insert into evil.trace values (current_user, 'clock'); return '2000-01-01'; end $$;
create function evil.pg_notify(text, text) returns void language plpgsql as $$ begin insert into evil.trace values (current_user, 'notify'); end $$;
create function evil.array_position(text[], text) returns integer language plpgsql as $$ begin insert into evil.trace values (current_user, 'array_position'); return 8; end $$;
create function evil.judge_key(text) returns void language plpgsql as $$ begin insert into evil.trace values (current_user, 'judge_key'); end $$;
create table evil.hold (id bigint generated always as identity, kind text, subject_key text, type text, reason text, reference text, placed_at timestamptz, placed_by text, expires_at timestamptz, released_at timestamptz);
create table evil.disposal (id bigint);
create table evil.customer (id text, name text, created_at timestamptz);
insert into evil.customer values ('k4', 'x', now());
END
before=$(sql "$DB" "select count(*) from expunge.hold")
for path in 'evil, pg_catalog' 'evil, pg_catalog, expunge, app' 'pg_temp, evil, pg_catalog'; do
    expect_true "with search_path = $path: temporary tables, operators and functions of the same names" as "$anna" "set search_path = $path;
        create temporary table hold (id bigint, kind text); create temporary table disposal (id bigint, kind text, subject_key text); create temporary table subject_kind (kind text, look text); create temporary table customer (id text, name text, created_at timestamptz);
        insert into pg_temp.subject_kind values ('customer', 'select ''k4'', null, ''x''');
        create function pg_temp.btrim(text, text) returns text language sql as 'select ''''';
        select expunge.place_hold('customer', 'k4', 'legal', 'x'); select count(*) from expunge.subject_status('customer', 'k4');"
    refused "nor do they turn a wrong label into a right one ($path)" "$anna" "set search_path = $path; create temporary table customer (id text, name text, created_at timestamptz); insert into pg_temp.customer values ('k5', 'x', now());
        select expunge.request_erasure('customer', 'k5', 'objection', 't', 'r', 'v', true, 'x')" RX064
    refused "nor an unknown key into a known one ($path)" "$anna" "set search_path = $path; create temporary table customer (id text, name text, created_at timestamptz); insert into pg_temp.customer values ('mine', 'x', now());
        select expunge.request_erasure('customer', 'mine', 'objection', 't', 'r', 'v')" RX064
done
expect_equal 'the holds went where they belong' "$((before + 3))" "$(sql "$DB" "select count(*) from expunge.hold")"
expect_equal 'nothing of the trap was called' 0 "$(sql "$DB" 'select count(*) from evil.trace')"
expect_equal 'nothing was written to its tables' 0 "$(sql "$DB" 'select count(*) from evil.hold')"
refused 'no name of a kind becomes a statement' "$anna" "select expunge.request_erasure('customer''; drop table app.customer; --', 'k1', 'objection', 't', 'r', 'v')" RX064
refused 'nor does a key' "$anna" "select expunge.request_erasure('customer', 'k1''; drop table app.customer; --', 'objection', 't', 'r', 'v')" RX064
refused 'a caller is who logged in, whatever role they take: they do not approve' "$anna" "set role expunge_support; select expunge.approve(2, repeat('a', 64))"
expect_equal 'session_user is written down, not the role that was taken' "$anna" "$(as "$anna" "set role expunge_support; select expunge.place_hold('customer', 'k6', 'legal', 'x')" >/dev/null; sql "$DB" "select placed_by from expunge.hold where subject_key = 'k6'")"

# The settings of the caller's session: the incarnation is told alike.
expect_true 'a request from a session of another time zone, date style and number format' as "$anna" "set timezone = 'Asia/Kathmandu'; set datestyle = 'German'; set intervalstyle = 'iso_8601'; set extra_float_digits = 0;
    select expunge.request_erasure('customer', 'k7', 'objection', 't', 'r', 'v', true, 'Secret Name k7')"
sql "$DB" 'drop schema evil cascade' 2>"$WORK/notice"
expect_status 'is the worker'"'"'s own as any other' 0 x run --requests
expect_equal 'and done' 0 "$(sql "$DB" "select count(*) from app.customer where id = 'k7'")"

# ---- keys of other types --------------------------------------------------------------------------------------------------------

sql "$DB" "create table app.person (id citext primary key, ended_at timestamptz); insert into app.person values ('Anna'); create table app.short (id varchar(4) primary key, ended_at timestamptz); insert into app.short values ('abcd');
           create table app.seat (id integer primary key, ended_at timestamptz); insert into app.seat values (7);
           alter table app.person owner to \"$owner\"; alter table app.short owner to \"$owner\"; alter table app.seat owner to \"$owner\""
sed -i 's/^subjects = (/subjects = ( { kind = "person"; root = "app.person"; key = "id"; grace = "1 day"; }, { kind = "short"; root = "app.short"; key = "id"; grace = "1 day"; }, { kind = "seat"; root = "app.seat"; key = "id"; grace = "1 day"; },/' "$CONF"
expect_status 'kinds without an end of their own, with keys of other types' 0 x init --user "$owner"
expect_true 'a citext key is found as the database compares it, though its type is in no fixed search_path' as "$anna" "select expunge.place_hold('person', 'ANNA', 'legal', 'x')"
expect_equal 'and written down as its row has it' Anna "$(sql "$DB" "select subject_key from expunge.hold where kind = 'person'")"
refused 'a longer key is not cut until it fits somebody' "$anna" "select expunge.place_hold('short', 'abcdef', 'legal', 'x')" RX064
refused 'what is no number is no key, and is not repeated' "$anna" "select expunge.place_hold('seat', 'Canary', 'legal', 'x')" RX064
expect_no_match 'not in any part of the message' err 'Canary.*Canary|invalid input'
refused 'a number too large is none' "$anna" "select expunge.place_hold('seat', '99999999999', 'legal', 'x')" RX064
expect_true 'without a label the key is typed again' as "$anna" "select expunge.request_erasure('seat', '7', 'erasure_right', 't', 'r', 'v', true, '7')"
expect_status 'and a kind that nobody ends but by request goes' 0 x run --requests
expect_equal 'P9: it is gone' 0 "$(sql "$DB" 'select count(*) from app.seat')"
done_testing
