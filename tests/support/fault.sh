# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# fault.sh -- what the fault tests share, beside cli.sh: the reference schema with little of everything, houses that are
# set up again in a moment, workers that stop where they are told to, and every row of a database and of its snapshots
# as a line of text, so that sets of rows can be compared.
#
#   . "$(dirname "$0")/../support/fault.sh"
#   cluster_shared
#   stage first                     # stage "first": database and state after init; restored in a third of a second
#   restore home first              # house "home": database, state and configuration of its own
#   worker home run                 # $EXPUNGE_FAULTY with this house's configuration

# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/cli.sh"
export LC_ALL=C # sorts five times as fast

# A state directory in memory: what is killed here is the worker, not the machine.
FAST=$(mktemp -d /dev/shm/expunge-fault.XXXXXX 2>/dev/null) || FAST=$WORK/fast
mkdir -p "$FAST"
at_end 'rm -rf "$FAST"'

# ---- data and houses ------------------------------------------------------------------------------------------------

# One of each kind past its grace period, one or two within it; everybody else stays.
fewer_leavers()
{
    cat <<'END'
set session_replication_role = replica;
update cloud.workspace set status = 'active', cancelled_at = null, cancel_reason = null
 where cancelled_at is not null and subdomain not in ('canary-eu-w000002', 'canary-eu-w000004', 'canary-eu-w000006');
update cloud.account set status = 'active', deletion_requested_at = null
 where deletion_requested_at is not null and email not in ('canary-eu-a000011@customer.example', 'canary-eu-a000013@customer.example');
update marketing.contact set status = 'subscribed', consent_withdrawn_at = null
 where consent_withdrawn_at is not null and email not in ('canary-reader-eu-r000011@news.example', 'canary-reader-eu-r000014@news.example');
update community.account set status = 'active', deletion_requested_at = null
 where deletion_requested_at is not null and username not in ('canary-poster-eu-p000011', 'canary-poster-eu-p000013');
update registry.server set opted_out_at = null, deregistered_at = null
 where left_at is not null and hostname not in ('canary-host-eu-s000011.example', 'canary-host-eu-s000013.example');
-- what a policy and a subject may both take, left to the policy: the order of things must not matter
update telemetry.usage_event set workspace_id = (select id from cloud.workspace where subdomain = 'canary-eu-w000003')
 where workspace_id = (select id from cloud.workspace where subdomain = 'canary-eu-w000002') and occurred_at < now() - interval '85 days';
update marketplace.install set uninstalled_at = null where workspace_id = (select id from cloud.workspace where subdomain = 'canary-eu-w000002');
update support.ticket set account_id = null where account_id in (select id from cloud.account where status = 'leaving');
update telemetry.tracking_event set account_id = null where account_id in (select id from cloud.account where status = 'leaving');
-- what there may be too little of for several batches, soon after midnight above all
update telemetry.location_fix set recorded_at = recorded_at - interval '3 days' where recorded_at < now() - interval '28 days';
update marketplace.install set uninstalled_at = now() - interval '40 days'
 where uninstalled_at is null and workspace_id in (select id from cloud.workspace where cancelled_at is null and subdomain like '%3');
insert into cloud.message (room_id, member_id, parent_id, body, sent_at)
select r.id, m.id, null, 'Canary thread of ' || w.subdomain, now() - interval '70 days'
  from cloud.workspace w
 cross join lateral (select min(id) as id from cloud.room where workspace_id = w.id) r
 cross join lateral (select min(id) as id from cloud.member where workspace_id = w.id) m
 cross join generate_series(1, 7) where w.cancelled_at is not null;
insert into cloud.message (room_id, member_id, parent_id, body, sent_at)
select m.room_id, m.member_id, m.id, 'Canary answer', now() - interval '69 days' from cloud.message m where m.body like 'Canary thread%';
insert into cloud.message (room_id, member_id, parent_id, body, sent_at)
select m.room_id, m.member_id, m.id, 'Canary last word', now() - interval '68 days' from cloud.message m where m.body = 'Canary answer';
-- tables that refer to each other, and one without a key
create table cloud.poll (id bigint primary key, room_id bigint not null references cloud.room, winner bigint);
create table cloud.poll_choice (id bigint primary key, poll_id bigint not null references cloud.poll, label text not null);
alter table cloud.poll add foreign key (winner) references cloud.poll_choice;
create table cloud.room_visit (room_id bigint not null references cloud.room, visited_at timestamptz not null);
create index on cloud.poll (room_id);
create index on cloud.poll (winner);
create index on cloud.poll_choice (poll_id);
create index on cloud.room_visit (room_id);
insert into cloud.poll select id, id, null from cloud.room where id <= 80 and id % 3 = 2;
insert into cloud.poll_choice select id * 10 + n, id, 'Canary choice ' || n from cloud.poll, generate_series(1, 3) as n;
update cloud.poll set winner = id * 10 + 2 where id % 2 = 0;
update community.post set author_id = (select id from community.account where username = 'canary-poster-eu-p000011'), author_name = 'Canary Poster eu-p000011'
 where id % 10 = 1;
insert into cloud.room_visit select id, now() - interval '80 days' - n * interval '1 hour' from cloud.room, generate_series(1, 3) as n where id <= 80;
-- rows that rooms of several workspaces share, and a view that keeps a copy
create table cloud.topic (id bigint primary key, words text not null);
create table cloud.room_topic (room_id bigint not null references cloud.room, topic_id bigint not null references cloud.topic, primary key (room_id, topic_id));
create index on cloud.room_topic (topic_id);
insert into cloud.topic select n, 'Canary topic ' || n from generate_series(1, 90) as n;
insert into cloud.room_topic select id, id from cloud.room where id <= 80;
insert into cloud.room_topic select id, 81 + id % 10 from cloud.room where id <= 80;
create materialized view cloud.room_names as select id, name from cloud.room;
END
}

load_fault() # CONNINFO
{
    psql -qX -v ON_ERROR_STOP=1 -d "$1" -f "$ROOT/sql/reference/schema.sql" &&
        psql -qX -v region=eu -v events=2500 -v rest=1500 -v workspaces=24 -d "$1" -f "$ROOT/sql/reference/generate.sql" &&
        steady_sql | psql -qX -v ON_ERROR_STOP=1 -d "$1" -f - &&
        fewer_leavers | psql -qX -v ON_ERROR_STOP=1 -d "$1" -f - &&
        psql -qX -v ON_ERROR_STOP=1 -d "$1" -c 'vacuum (analyze)'
}

# The configuration of a house: etc/expunge.conf with small batches, without rest, one disposal at a time.  DURING_GRACE:
# what becomes of a workspace's rows in its grace period.
configure() # HOUSE [MAX-ROWS]
{
    local dir=$FAST/$1
    mkdir -p "$dir"
    [ -s "$FAST/master.key" ] || (umask 077 && od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n' >"$FAST/master.key")
    sed -e "s|\"/var/lib/expunge|\"$dir/state|" -e "s|\"credential:expunge-master\"|\"file:$FAST/master.key\"|" \
        -e "s|\"service=cloud-eu\"|\"$(conninfo "$1")\"|" -e '/conninfo = "service=cloud-us"/d' \
        -e '/^  { name = "eu"; conninfo = /s/ },$/ }/' -e '/^  { name = "eu"; conninfo = /s/ }$/ refresh = [ "cloud.room_names" ]; }/' \
        -e 's|^      { from = "telemetry.usage_event(workspace_id)".*|&\n      { from = "cloud.room_topic(topic_id)"; to = "cloud.topic(id)"; orphans = "delete"; },|' \
        -e 's/^  jobs  *= [0-9]*;/  jobs = 1;/' -e "/kind = \"workspace\";\$/,/edges/ s/during_grace = \"keep\"/during_grace = \"${DURING_GRACE:-keep}\"/" \
        -e "s/^  batch  *= {[^}]*};/  batch = { target_ms = 1000; max_rows = ${2:-25}; };/" \
        -e 's/^  pace  *= {[^}]*};/  pace = { duty = 1.0; };/' -e 's/max_share = [0-9.]*;/max_share = 1.0;/' \
        "$ROOT/etc/expunge.conf" >"$dir/expunge.conf"
}

worker() # HOUSE ARGUMENTS...
{
    local house=$1
    shift
    "$EXPUNGE_FAULTY" --config "$FAST/$house/expunge.conf" "$@"
}

# The template database and the state directory of a stage; a stage is made from a house.
stage_database() # STAGE
{
    echo "${TEST_NAME//[^a-z0-9_]/_}_$$_stage_$1"
}

save() # HOUSE STAGE
{
    local name
    name=$(stage_database "$2")
    sql /postgres "create database \"$name\" template \"$(database_name "$1")\" strategy file_copy" ||
        die "stage $2 could not be saved"
    at_end "sql /postgres 'drop database if exists \"$name\"' >/dev/null 2>&1"
    rm -rf "$FAST/stage.$2"
    cp -a "$FAST/$1/state" "$FAST/stage.$2"
}

restore() # HOUSE STAGE [MAX-ROWS]
{
    local name
    name=$(database_name "$1")
    psql -qAtX -v ON_ERROR_STOP=1 -d "$(conninfo /postgres)" -c "drop database if exists \"$name\" with (force)" \
        -c "create database \"$name\" template \"$(stage_database "$2")\" strategy file_copy" </dev/null 2>"$FAST/restore.err" ||
        die "database $name could not be made: $(cat "$FAST/restore.err")"
    case " ${databases[*]} " in
    *" $name "*) ;;
    *) databases+=("$name") ;;
    esac
    rm -rf "${FAST:?}/$1/state"
    configure "$1" "${3:-25}"
    cp -a "$FAST/stage.$2" "$FAST/$1/state"
}

# The first stage: filled, installed, nothing done yet.
first_stage() # STAGE
{
    template expunge_fault_eu load_fault
    database making expunge_fault_eu
    configure making
    run worker making init
    [ "$STATUS" = 0 ] || die "init failed: $(last_run)"
    run worker making check --accept
    [ "$STATUS" = 0 ] || die "check --accept failed: $(last_run)"
    save making "$1"
    dump_statements making >"$FAST/dump.sql"
}

# ---- rows as lines --------------------------------------------------------------------------------------------------

# One COPY for each table of the application, in the order of columns that a snapshot has; the table's name in front.
dump_statements() # HOUSE
{
    sql "$1" - <<'END'
select format('copy (select %L, %s from %s t) to stdout;', n.nspname || '.' || c.relname,
              string_agg(format('t.%I', a.attname), ', ' order by a.attnum), c.oid::regclass)
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
 where c.relkind in ('r', 'p') and not c.relispartition
   and n.nspname not in ('expunge', 'information_schema') and n.nspname !~ '^pg_'
 group by n.nspname, c.relname, c.oid
 order by 1;
END
}

# Waits until the server has noticed that dead workers are gone, then says what the worker's tables say: "disposal" lines
# with what finds a snapshot, "end" lines with all but ids and times.  A subject whose rows were moved is told as a policy.
look_statements()
{
    cat <<'END'
do $$
begin
    for i in 1..1000 loop
        perform pg_stat_clear_snapshot();
        exit when not exists (select from pg_stat_activity where datname = current_database() and application_name like 'expunge%');
        perform pg_sleep(0.01);
    end loop;
end $$;
begin isolation level repeatable read;
copy (
    select 'expunge.disposal', case when d.state = 'archived' and d.root_erased then 'policy' else d.kind end, d.id, d.name, d.state,
           coalesce(case when d.key_destroyed_at is null and d.state in ('archived', 'erasing', 'erased') then d.snapshot_name end, '-'),
           d.kind = 'policy' and d.state = 'open' and d.snapshot_name is not null
      from expunge.disposal d
     order by d.snapshot_name collate "C"
) to stdout;
copy (
    select 'expunge.end',
           concat_ws(' ', d.kind, d.name, d.state, 'root_erased=' || d.root_erased, 'snapshot=' || (d.snapshot_name is not null),
                     'key_destroyed=' || (d.key_destroyed_at is not null), 'attempts=' || d.attempts, 'error=' || coalesce(d.last_error, 'none'),
                     'next=' || (d.next_attempt_at is not null), 'key_forgotten=' || (d.subject_key is null)),
           (select string_agg(format('%s.%s %s %s archived=%s done=%s', t.schema_name, t.table_name, t.action, t.edge, t.rows_archived, t.rows_done), '; ' order by t.number)
              from expunge.disposal_table t where t.disposal = d.id and t.rows_archived + t.rows_done > 0),
           (select string_agg(format('%s %s', n.what, n.rows), '; ' order by n.number) from expunge.not_erased n where n.disposal = d.id)
      from expunge.disposal d
) to stdout;
copy (select 'expunge.end', 'outbox', count(*) from expunge.outbox) to stdout;
END
}

# Every row of every table of the application, sorted, in FILE; the lines above in FILE.disposal and FILE.end.
live_rows() # HOUSE FILE
{
    { look_statements && cat "$FAST/dump.sql"; } | sql "$1" - >"$2.unsorted" &&
        awk -F '\t' -v OFS='\t' -v file="$2" 'BEGIN { printf "" >(file ".disposal") }
            $1 == "expunge.disposal" { sub(/^[^\t]*\t/, ""); print >(file ".disposal"); next }
            $1 == "expunge.end" { sub(/^[^\t]*\t/, ""); print >(file ".endless"); next }
            { print }' "$2.unsorted" | sort >"$2" && sort "$2.endless" >"$2.end"
}

# The rows in snapshots, as "live_rows" shows them: what is committed of an unfinished one.  Those that the condition on
# expunge.disposal d and disposal_table t selects.
snapshot_rows() # HOUSE FILE [CONDITION]
{
    local id table list
    list=$(sql "$1" "select 'eu-' || d.id, t.schema_name || '.' || t.table_name
                       from expunge.disposal d join expunge.disposal_table t on t.disposal = d.id
                      where t.action = 'delete' and (t.mark_rows > 0 or d.state = 'open') and d.snapshot_name is not null
                        and d.key_destroyed_at is null and d.state in ('open', 'archived', 'erasing')
                        and (${3:-true})") || return 1
    : >"$2.unsorted"
    while IFS='|' read -r id table; do
        [ -n "$id" ] || continue
        worker "$1" snapshot cat "$id" "$table" 2>"$2.error" </dev/null >"$2.part" || {
            echo "snapshot cat $id $table: $(cat "$2.error")" >&2
            return 1
        }
        awk -v table="$table" '{ print table "\t" $0 }' "$2.part" >>"$2.unsorted"
    done <<<"$list"
    sort "$2.unsorted" >"$2"
}

# A line for each table of each finished snapshot: kind and name of the disposal, table, role, rows, digest of the rows
# whatever their order.  Fails when the store holds other snapshots than the database names (as "live_rows" found in
# FILE.disposal), or a file is not the one of its manifest.
sealed() # HOUSE FILE
{
    local store=$FAST/$1/state/snapshots/eu files=$FAST/$1/files kind name directory named='' bad=0
    while IFS=$'\t' read -r kind _ name _ directory _; do
        [ "$directory" != - ] || continue
        named+=$directory$'\n'
        awk -F '"' '/^      "[a-z_0-9]+": / { v[$2] = $4; if ($4 == "") { v[$2] = $3; gsub(/[^0-9]/, "", v[$2]) } }
                    /^    }/ { print v["name"], v["schema"] "." v["table"], v["role"], v["rows"], v["rows_digest"], v["sha256"] }' \
            "$store/$directory/manifest.json" >"$files" || bad=1
        (cd "$store/$directory" && awk '{ print $6 "  " $1 }' "$files" | sha256sum --check --quiet --strict 2>&1) || bad=1
        awk -v of="$kind $name" '$4 > 0 { print of, $2, $3, $4, $5 }' "$files"
    done <"$2.disposal"
    [ "$named" = "$(cd "$store" && ls -A)${named:+$'\n'}" ] || {
        printf 'the database names:\n%sthe store has:\n%s\n' "$named" "$(cd "$store" && ls -A)"
        bad=1
    }
    return $bad
}

# Living slots of the key file, the commitment's included.
living_keys() # HOUSE
{
    od -An -v -tx1 -w512 "$FAST/$1/state/keys" | grep -c '^ 5a'
}

# ---- a worker that is stopped on its way ----------------------------------------------------------------------------

# Start a worker that stops at its first passage of POINT; returns when it stands there.
# WORKER_PID: its process.  At most 30 s later it goes on by itself.
start_worker() # HOUSE POINT ARGUMENTS...
{
    local house=$1 point=$2
    shift 2
    PAUSE=$FAST/$house/pause.$RANDOM$RANDOM
    EXPUNGE_FAULT_PAUSE="$point:$PAUSE" "$EXPUNGE_FAULTY" --config "$FAST/$house/expunge.conf" "$@" \
        >"$FAST/$house/worker.out" 2>"$FAST/$house/worker.err" </dev/null &
    WORKER_PID=$!
    for ((i = 0; i < 2000; i++)); do
        [ ! -e "$PAUSE.reached" ] || return 0
        kill -0 "$WORKER_PID" 2>/dev/null || break
        sleep 0.01
    done
    not_ok "a worker comes to $point" "$(cat "$FAST/$house/worker.out" "$FAST/$house/worker.err")"
}

# Let it go on and end; its exit status is in STATUS, what it said where "run" leaves it.
let_go()
{
    : >"$PAUSE"
    end_worker "$@"
}

end_worker() # HOUSE
{
    wait "$WORKER_PID"
    STATUS=$?
    cp "$FAST/$1/worker.out" "$OUT"
    cp "$FAST/$1/worker.err" "$ERR"
}

# Wait until a backend of the house's database waits for a lock.
wait_for_waiter() # HOUSE [APPLICATION]
{
    for ((i = 0; i < 1000; i++)); do
        [ "$(sql "$1" "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and application_name like '${2:-%}'")" = 0 ] || return 0
        sleep 0.01
    done
    return 1
}
