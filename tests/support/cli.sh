# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# cli.sh -- what the command-line tests share, beside lib.sh: databases from sql/reference/ or a small schema of their
# own, a house (state directory, master key, configuration), fingerprints of data, and JSON read by psql.
#
#   . "$(dirname "$0")/../support/cli.sh"
#   cluster_shared
#   reference eu                    # database eu: the reference schema, 3,000 events, 50 workspaces
#   house home eu                   # $WORK/home with state, key and etc/expunge.conf for database eu alone
#   expect_status 'init' 0 x init   # x: $EXPUNGE with this house's configuration

# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

CONF=
STATE=

# ---- databases ------------------------------------------------------------------------------------------------------

# Rows that would pass the end of their window while the tests run are made an hour younger: plan, run and oracle see
# the same rows, although minutes lie between them.
steady_sql()
{
    cat <<'END'
create function pg_temp.steady(tab text, age text, keep interval, extra text default 'true') returns void language plpgsql as $$
begin
    execute format('update %s set %I = %I + interval ''1 hour'' where %I between now() - $1 - interval ''1 minute'' and now() - $1 + interval ''45 minutes'' and %s',
                   tab, age, age, age, extra) using keep;
end;
$$;
set session_replication_role = replica;
select pg_temp.steady('telemetry.usage_event', 'occurred_at', interval '90 days', $$purpose = 'operate'$$);
select pg_temp.steady('telemetry.usage_event', 'occurred_at', interval '180 days', $$purpose = 'functionality'$$);
select pg_temp.steady('telemetry.usage_event', 'occurred_at', interval '1 year', $$purpose = 'security'$$);
select pg_temp.steady('telemetry.location_fix', 'recorded_at', interval '30 days');
select pg_temp.steady('telemetry.tracking_event', 'occurred_at', interval '90 days');
select pg_temp.steady('telemetry.cookie', 'last_seen_at', interval '13 months');
select pg_temp.steady('push.token', 'last_used_at', interval '60 days');
select pg_temp.steady('push.device', 'last_seen_at', interval '1 year');
select pg_temp.steady('cloud.session', 'last_used_at', interval '90 days');
select pg_temp.steady('marketplace.install', 'uninstalled_at', interval '30 days');
select pg_temp.steady('billing.invoice', 'issued_at', interval '10 years');
select pg_temp.steady('marketing.delivery', 'sent_at', interval '1 year');
select pg_temp.steady('marketing.consent', 'withdrawn_at', interval '3 years');
select pg_temp.steady('support.ticket', 'closed_at', interval '180 days');
select pg_temp.steady('registry.server_statistic', 'reported_at', interval '1 year');
END
}

load_reference() # REGION CONNINFO
{
    psql -qX -v ON_ERROR_STOP=1 -d "$2" -f "$ROOT/sql/reference/schema.sql" &&
        psql -qX -v region="$1" -v events=3000 -v workspaces=50 -d "$2" -f "$ROOT/sql/reference/generate.sql" &&
        steady_sql | psql -qX -v ON_ERROR_STOP=1 -d "$2" -f -
}

# Database NAME with the reference schema, filled as REGION's (the same as NAME when left out).
reference() # NAME [REGION]
{
    local region=${2:-$1}
    template "expunge_cli_$region" load_reference "$region"
    database "$1" "expunge_cli_$region"
}

# A small schema: customers, what belongs to them, events with a window, and one table of nobody's.
#   customers  k1 … k9: active · e1, e2, e3: ended 40 days ago (past grace) · g1: ended 10 days ago (in grace)
#   documents  3 for each customer, with 2 pages each · events 10 for each customer, half of them 100 days old
load_small() # CONNINFO
{
    psql -qX -v ON_ERROR_STOP=1 -d "$1" <<'END'
create schema app;
create table app.customer (
    id         text primary key,
    name       text not null,
    region     text not null default 'eu',
    status     text not null default 'active',
    created_at timestamptz not null default now() - interval '400 days',
    ended_at   timestamptz
);
create index on app.customer (ended_at);
create table app.document (
    id          bigint primary key,
    customer_id text not null references app.customer,
    body        text not null
);
create index on app.document (customer_id);
create table app.page (
    document_id bigint not null references app.document,
    number      integer not null,
    body        text not null,
    primary key (document_id, number)
);
create table app.event (
    id          bigint generated always as identity primary key,
    customer_id text,
    at          timestamptz not null,
    body        text not null
);
create index on app.event (at, id);
create index on app.event (customer_id);
create table app.visit (
    id bigint generated always as identity primary key,
    at timestamptz not null
);
create index on app.visit (at, id);
create table app.country (code text primary key);
insert into app.country values ('DE'), ('FR');
insert into app.customer (id, name, status, ended_at)
select id, 'Secret Name ' || id, case when ago is null then 'active' else 'ended' end, now() - ago
  from (select 'k' || n as id, null::interval as ago from generate_series(1, 9) as n
        union all select 'e' || n, interval '40 days' - n * interval '1 hour' from generate_series(1, 3) as n
        union all select 'g1', interval '10 days') as c;
insert into app.document
select row_number() over (order by id, n), id, 'Secret body ' || id || n from app.customer, generate_series(1, 3) as n;
insert into app.page select id, n, 'Secret page ' || id || n from app.document, generate_series(1, 2) as n;
insert into app.event (customer_id, at, body)
select id, now() - case when n % 2 = 0 then interval '100 days' else interval '5 days' end - n * interval '1 minute', 'Secret event ' || id || n
  from app.customer, generate_series(1, 10) as n order by n, id;
insert into app.visit (at) select now() - n * interval '1 day' from generate_series(1, 40) as n;
END
    psql -qX -d "$1" -c 'analyze app.customer, app.document, app.page, app.event, app.visit, app.country'
}

small() # NAME
{
    template expunge_cli_small load_small
    database "$1" expunge_cli_small
}

# A small database as it was at the beginning, without expunge: faster than to drop and copy it.
small_again() # NAME
{
    sql "$1" 'set client_min_messages = warning; drop schema app cascade; drop schema if exists expunge cascade' &&
        load_small "$(conninfo "$1")"
}

# A public database's dump (EXPUNGE_CASES, or ../shared/cases beside the checkout), with the indexes that "expunge check"
# would print: without them each deleted parent scans its children.
CASES=${EXPUNGE_CASES:-$ROOT/../shared/cases}
load_case() # NAME CONNINFO
{
    zstd -dcq "$CASES/$1/dump.sql.zst" | psql -qX -d "$2" -v ON_ERROR_STOP=1 -o /dev/null -f - &&
        psql -qX -d "$2" -v ON_ERROR_STOP=1 -o /dev/null <<'END'
select format('create index on %s (%s)', k.conrelid::regclass,
              (select string_agg(quote_ident(a.attname), ', ' order by u.ord) from unnest(k.conkey) with ordinality u(n, ord)
                 join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.n))
  from pg_constraint k where k.contype = 'f' and k.conparentid = 0 \gexec
analyze;
END
}

# ---- a house --------------------------------------------------------------------------------------------------------

new_house() # NAME → CONF, STATE, a new master key
{
    local dir=$WORK/$1
    (umask 077 && mkdir -p "$dir")
    STATE=$dir/state
    CONF=$dir/expunge.conf
    (umask 077 && od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n' >"$dir/master.key")
}

# etc/expunge.conf with the places and databases of this test; databases that are not named are left out.
# "eu:other" is database "eu" of the configuration, found in this test's database "other".
house() # NAME DATABASE[:WHERE]...
{
    local dir=$WORK/$1 region where
    new_house "$1"
    shift
    sed -e "s|\"/var/lib/expunge|\"$dir/state|" -e "s|\"credential:expunge-master\"|\"file:$dir/master.key\"|" \
        -e "s|^# notify = .*|notify = { metrics = \"$dir/expunge.prom\"; };|" -e 's/duty = 0.5;/duty = 1.0;/' "$ROOT/etc/expunge.conf" >"$CONF"
    for region in eu us; do
        where=
        case " $* " in
        *" $region "*) where=$region ;;
        *" $region:"*) where=${*#*"$region":} where=${where%% *} ;;
        esac
        if [ -n "$where" ]; then
            sed -i "s|\"service=cloud-$region\"|\"$(conninfo "$where")\"|" "$CONF"
        else
            sed -i "/conninfo = \"service=cloud-$region\"/d" "$CONF"
        fi
    done
    [ $# -gt 1 ] || sed -i '/^  { name = "..*"; conninfo = /s/ },$/ }/' "$CONF"
}

# The configuration of the small schema.
small_house() # NAME DATABASE
{
    local dir=$WORK/$1
    new_house "$1"
    cat >"$CONF" <<END
worker = {
  state_dir = "$dir/state"; master_key = "file:$dir/master.key"; jobs = 1;
  batch = { target_ms = 5; max_rows = 50000; };
  pace = { duty = 1.0; };
};
databases = ( { name = "eu"; conninfo = "$(conninfo "$2")"; region = "eu"; } );
policies = (
  { name = "events"; class = "events"; table = "app.event"; age = "at"; keep_for = "90 days"; grace = "14 days";
    purpose = "operate the service"; basis = "GDPR Art. 6(1)(f)";
    subject = { kind = "customer"; column = "customer_id"; }; },
  { name = "visits"; class = "visits"; table = "app.visit"; age = "at"; keep_for = "30 days";
    purpose = "count visits"; basis = "GDPR Art. 6(1)(f)"; }
);
subjects = (
  { kind = "customer"; root = "app.customer"; key = "id"; label = "name"; incarnation = "created_at"; region = "region";
    ended_at = "ended_at"; confirm = "status = 'ended'"; grace = "30 days"; during_grace = "keep";
    edges = ( { from = "app.event(customer_id)"; to = "app.customer(id)"; } ); }
);
global_tables = [ "app.country" ];
stores = ( { name = "snapshots"; kind = "directory"; role = "snapshots"; path = "$dir/state/snapshots"; region = "eu"; } );
safety = { max_rows = 100000; max_share = 0.9; max_subjects = 10; max_clock_skew = "5 minutes"; };
notify = { metrics = "$dir/expunge.prom"; };
end = true;
END
}

x() # ARGUMENTS...
{
    "$EXPUNGE" --config "$CONF" "$@"
}

# ---- fingerprints ---------------------------------------------------------------------------------------------------

# One line for each ordinary table and sequence of the schemas that match: name, rows, a digest that ignores their order.
fingerprint() # DATABASE [SCHEMA-REGEX]
{
    sql "$1" - -v schemas="${2:-.}" <<'END'
select c.oid::regclass || ' ' || (xpath('/row/d/text()', query_to_xml(format(
           case c.relkind when 'S' then 'select last_value || '' '' || is_called as d from %s'
           else 'select count(*) || '' '' || coalesce(sum((''x'' || left(md5(t::text), 15))::bit(60)::bigint::numeric), 0) as d from %s t'
           end, c.oid::regclass), false, true, '')))[1]
  from pg_class c
 where c.relkind in ('r', 'S') and c.relpersistence = 'p'
   and c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)' and c.relnamespace::regnamespace::text ~ :'schemas'
 order by 1;
END
}

# The application's data alone.
app_fingerprint() # DATABASE
{
    fingerprint "$1" '^(?!expunge$)'
}

expect_unchanged() # NAME BEFORE-FILE DATABASE [SCHEMA-REGEX]
{
    local said
    if said=$(fingerprint "$3" "${4:-.}" | diff "$2" - 2>&1); then
        ok "$1"
    else
        not_ok "$1" "$said"
    fi
}

# ---- JSON -----------------------------------------------------------------------------------------------------------

# A query over "doc(j)", the one JSON object in FILE (out, err or a path); "-" takes the query from stdin.
json() # FILE QUERY
{
    local file query=$2
    file=$(stream "$1")
    [ "$query" != - ] || query=$(cat)
    psql -qAtX -v ON_ERROR_STOP=1 -d "$CONNINFO dbname=postgres" 2>&1 <<END
\\set j \`cat '$file'\`
with doc as (select :'j'::jsonb as j) $query;
END
}

expect_json() # NAME EXPECTED FILE QUERY: the query's only result
{
    expect_equal "$1" "$2" "$(json "$3" "$4")"
}

# Every number that plan and run must agree on, a line each; bytes are an estimate in a plan.
json_work() # FILE
{
    json "$1" - <<'END'
, due (d) as (select value from doc, jsonb_array_elements(j -> 'disposals'))
select concat_ws(' ', d ->> 'database', d ->> 'kind', d ->> 'name', d ->> 'step', t.value ->> 'table', t.value ->> 'action', t.value ->> 'rows')
  from due left join jsonb_array_elements(d -> 'tables') as t on true
union all
select concat_ws(' ', d ->> 'database', d ->> 'kind', d ->> 'name', what, s.value ->> 'table', s.value ->> 'why', s.value ->> 'rows',
                 left(s.value ->> 'until', 10))
  from due, unnest(array['held', 'kept']) as what, jsonb_array_elements(d -> what) as s
union all
select concat_ws(' ', 'totals', j ->> 'rows_archived', j ->> 'rows_erased', jsonb_array_length(j -> 'disposals')) from doc
order by 1
END
}

# The same per table, whichever disposal took the row.
json_totals() # FILE
{
    json "$1" - <<'END'
, t as (select d.value ->> 'database' as base, t.value ->> 'table' as tab, (t.value ->> 'rows')::bigint as rows,
               case when t.value ->> 'action' in ('move', 'delete') then 'gone' else t.value ->> 'action' end as action
          from doc, jsonb_array_elements(j -> 'disposals') as d, jsonb_array_elements(d.value -> 'tables') as t)
select base, tab, action, sum(rows) from t group by base, tab, action order by 1, 2, 3
END
}

# The id of a disposal, as "expunge certificate" takes it.
disposal_of() # DATABASE KIND NAME-OR-KEY [STATE]
{
    sql "$1" "select '$1-' || id from expunge.disposal where kind = '$2' and (name = '$3' or subject_key = '$3') and state like '${4:-%}' order by id desc limit 1"
}

# A house for one kind of subject, "thing", in one database.
kind_house() # NAME DATABASE ROOT KEY EDGES GLOBAL
{
    new_house "$1"
    cat >"$CONF" <<END
worker = { state_dir = "$STATE"; master_key = "file:$WORK/$1/master.key"; pace = { duty = 1.0; }; };
databases = ( { name = "db"; conninfo = "$(conninfo "$2")"; } );
subjects = ( { kind = "thing"; root = "$3"; key = "$4"; ended_at = "ended_at"; grace = "1 day"; edges = ( $5 ); } );
stores = ( { name = "s"; kind = "directory"; role = "snapshots"; path = "$WORK/$1/snapshots"; } );
global_tables = [ $6 ];
safety = { max_share = 1.0; };
end = true;
END
}
