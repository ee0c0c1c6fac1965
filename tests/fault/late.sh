#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# late.sh -- rows that come late by a reference that no FOREIGN KEY declares: written while their subject is being erased, to
# rows that have gone already or are about to.  They are found and erased in the same run, after a crash too; whoever takes
# an old key anew keeps what is theirs (design.md §3: soft edges are scanned once more).
. "$(dirname "$0")/../support/cli.sh"
cluster_shared

load_late() # CONNINFO
{
    psql -qX -v ON_ERROR_STOP=1 -d "$1" <<'END'
create schema t;
create table t.root (id bigint primary key, code text unique, ended_at timestamptz);
insert into t.root select g, 'c' || g, case when g = 1 then now() - interval '3 days' end from generate_series(1, 3) g;
create table t.page (id bigint primary key, root_id bigint not null references t.root);
create table t.note (id bigint primary key, page_id bigint, up bigint);
create table t.reply (id bigint primary key, note_id bigint references t.note);
create table t.plain (page_id bigint, body text);
create table t.mark (id bigint primary key, page text, who text);
create table t.list (id bigint primary key, pages bigint[]);
create table t.file (id bigint primary key, owner_type text, owner_id text);
create table t.badge (id bigint primary key, code text);
create table t.bill (id bigint primary key, page_id bigint);
insert into t.page select g, 1 + g % 3 from generate_series(1, 60) g;
insert into t.note select g, g, null from generate_series(1, 60) g;
insert into t.note select 100 + g, null, g from generate_series(1, 60) g;
insert into t.reply select g, g from generate_series(1, 60) g;
insert into t.plain select g, 'x' from generate_series(1, 60) g;
insert into t.mark select g, g::text, 'somebody' from generate_series(1, 60) g;
insert into t.list select g, array[g, 1000 + g] from generate_series(1, 60) g;
insert into t.file select g, 'page', g::text from generate_series(1, 60) g;
insert into t.bill select g, g from generate_series(1, 60) g;
insert into t.badge select g, 'c' || 1 + g % 3 from generate_series(1, 60) g;
create index on t.page (root_id); create index on t.note (page_id); create index on t.note (up); create index on t.reply (note_id);
END
}
template late_template load_late
EDGES='{ from = "t.note(page_id)"; to = "t.page(id)"; }, { from = "t.note(up)"; to = "t.note(id)"; }, { from = "t.plain(page_id)"; to = "t.page(id)"; },
  { from = "t.mark(page)"; to = "t.page(id)"; action = "anonymise"; set = { page = "NULL"; who = "NULL"; }; },
  { from = "t.list(pages)"; to = "t.page(id)"; match = "element"; action = "remove_element"; },
  { from = "t.bill(page_id)"; to = "t.page(id)"; action = "keep"; keep_for = "10 years"; purpose = "tax records"; basis = "Art. 6(1)(c)"; },
  { from = "t.file(owner_id)"; where = "owner_type = '\''page'\''"; to = "t.page(id)"; }, { from = "t.badge(code)"; to = "t.root(code)"; }'
# pages 3, 6 … 60 are the subject's
LATE="insert into t.note values (1001, 3, null), (1002, 4, null), (1003, null, 1001), (1004, null, 6);
insert into t.reply values (1001, 1001), (1002, 1002);
insert into t.plain values (3, 'late'), (4, 'late');
insert into t.mark values (1001, '3', 'late'), (1002, '03', 'late');
insert into t.list values (1001, '{3,4,6,7}');
insert into t.file values (1001, 'page', '3'), (1002, 'other', '3'), (1003, 'page', '4');
insert into t.bill values (1001, 3), (1002, 4);
insert into t.badge values (1001, 'c1'), (1002, 'c2');"
LEFT="select concat_ws(' / ', (select string_agg(id::text, ' ' order by id) from t.note where id > 1000), (select string_agg(id::text, ' ' order by id) from t.reply where id > 1000),
 (select count(*) from t.plain), (select string_agg(concat_ws('-', page, who), ' ' order by id) from t.mark where id > 1000), (select pages::text from t.list where id = 1001),
 (select string_agg(id::text, ' ' order by id) from t.file where id > 1000), (select string_agg(id::text, ' ' order by id) from t.badge where id > 1000),
 (select count(*) from t.bill), (select count(*) from expunge.kept), (select string_agg(key[1], ' ') from expunge.kept where key[1]::int > 1000),
 (select count(*) from t.root), (select count(*) from t.page), (select count(*) from t.note), (select count(*) from t.badge), (select count(*) from expunge.orphan))"
WANTED='1002 / 1002 / 41 /  03-late / {4,7} / 1002 1003 / 1002 / 62 / 21 / 1001 / 2 / 40 / 81 / 41 / 0'

fresh() # NAME
{
    database "$1" late_template
    kind_house "$1" "$1" t.root id "$EDGES" ''
    sed -i 's/pace = {/batch = { max_rows = 7; }; pace = {/' "$CONF"
    x init >"$WORK/init" 2>&1 || die "init: $(cat "$WORK/init")"
}
start() # POINT: a worker that waits there
{
    PAUSE=$WORK/pause.$RANDOM$RANDOM
    EXPUNGE_FAULT_PAUSE="$1:$PAUSE" "$EXPUNGE_FAULTY" --config "$CONF" run --json >"$OUT" 2>"$ERR" </dev/null &
    WORKER=$!
    for ((i = 0; i < 3000; i++)); do
        [ ! -e "$PAUSE.reached" ] || return 0
        sleep 0.01
    done
    not_ok "a worker comes to $1" "$(last_run)"
}

# Late rows are written while a worker stands there.
meanwhile() # POINT
{
    start "$1"
    sql "late$number" "$LATE" >"$WORK/wrote" 2>&1 || die "$1: $(cat "$WORK/wrote")"
    : >"$PAUSE"
    wait "$WORKER"
    STATUS=$?
}

number=0
for point in begin.committed erase.committed change.committed root.counted root.deleted root.committed; do
    fresh "late$((++number))"
    meanwhile "$point"
    expect_equal "written at $point: the run ends well" 0 "$STATUS"
    expect_equal "written at $point: exactly what was the subject's is gone" "$WANTED" "$(sql "late$number" "$LEFT")"
    expect_status "written at $point: it verifies" 0 x verify
done

sed -i 's/max_share = 1.0;/& allow_as_of = true;/' "$CONF"
expect_status 'kept rows that came late go by themselves when their window is over' 0 x run --as-of "$(date -ud '+11 years' +%FT%TZ)"
expect_equal 'and no others' '41 1002' "$(sql "late$number" "select (select count(*) from t.bill) || ' ' || (select string_agg(id::text, ' ') from t.bill where id > 1000)")"

# ---- killed in between ----------------------------------------------------------------------------------------------------

for point in erase.committed:9 root.committed; do
    fresh "late$((++number))"
    EXPUNGE_FAULT=$point run "$EXPUNGE_FAULTY" --config "$CONF" run
    expect_equal "killed at $point" 137 "$STATUS"
    sql "late$number" "$LATE" >"$WORK/wrote" 2>&1 || die "$point: $(cat "$WORK/wrote")"
    expect_status "killed at $point: the next run ends it" 0 x run
    expect_equal "killed at $point: what came in between is gone, too" "$WANTED" "$(sql "late$number" "$LEFT")"
done

# ---- an old key, anew -----------------------------------------------------------------------------------------------------

fresh anew
start root.counted
sql anew "insert into t.page values (3, 2); insert into t.note values (1001, 3, null), (1002, 6, null); insert into t.mark values (1001, '3', 'other'); insert into t.list values (1001, '{3,6}')"
: >"$PAUSE"
wait "$WORKER"
expect_equal 'somebody else'\''s page has the key of one that went: what refers to it is theirs' '1001 / 3-other / {3} / 41' \
    "$(sql anew "select concat_ws(' / ', (select string_agg(id::text, ' ') from t.note where id > 1000), (select page || '-' || who from t.mark where id = 1001), (select pages::text from t.list where id = 1001), (select count(*) from t.page))")"

# ---- a policy's rows ------------------------------------------------------------------------------------------------------

# the pages of subject 1 are old; what refers to them hangs on the policy
policy() # NAME GRACE
{
    database "$1" late_template
    sql "$1" "alter table t.page add at timestamptz not null default now(); update t.page set at = now() - interval '100 days' where id % 3 = 0"
    new_house "$1"
    cat >"$CONF" <<END
worker = { state_dir = "$STATE"; master_key = "file:$WORK/$1/master.key"; pace = { duty = 1.0; }; batch = { max_rows = 7; }; };
databases = ( { name = "db"; conninfo = "$(conninfo "$1")"; } );
policies = ( { name = "pages"; class = "pages"; table = "t.page"; age = "at"; keep_for = "90 days"; $2 purpose = "p"; basis = "b";
  edges = ( ${EDGES%, *} ); } );
stores = ( { name = "s"; kind = "directory"; role = "snapshots"; path = "$WORK/$1/snapshots"; } );
safety = { max_share = 1.0; allow_as_of = true; };
end = true;
END
    x init >"$WORK/init" 2>&1 || die "init: $(cat "$WORK/init")"
}
# the same rows as a subject's; badges refer to the root, which stays
GONE='1002 / 1002 / 41 /  03-late / {4,7} / 1002 1003 / 1001 1002 / 62 / 21 / 1001 / 3 / 40 / 81 / 62 / 0'
later=$(date -u -d '+3 days' +%Y-%m-%dT%H:%M:%SZ)

for point in roots.committed roots.settled; do
    policy "late$((++number))" ''
    meanwhile "$point"
    expect_equal "a policy, written at $point: the run ends well" 0 "$STATUS"
    expect_equal "a policy, written at $point: exactly what refers to its rows is gone" "$GONE" "$(sql "late$number" "$LEFT")"
    expect_status "a policy, written at $point: it verifies" 0 x verify
done
policy "late$((++number))" ''
EXPUNGE_FAULT=roots.committed:2 run "$EXPUNGE_FAULTY" --config "$CONF" run
expect_equal 'a policy, killed between two batches' 137 "$STATUS"
sql "late$number" "$LATE" >"$WORK/wrote" 2>&1 || die "$(cat "$WORK/wrote")"
expect_status 'a policy, killed between two batches: the next run ends it' 0 x run
expect_equal 'a policy, killed between two batches: what came in between is gone, too' "$GONE" "$(sql "late$number" "$LEFT")"

policy "late$((++number))" ''
start roots.committed
sql "late$number" "$LATE" >"$WORK/wrote" 2>&1 || die "$(cat "$WORK/wrote")"
kill -KILL "$WORKER" 2>/dev/null
wait "$WORKER" 2>/dev/null
EXPUNGE_FAULT=roots.late run "$EXPUNGE_FAULTY" --config "$CONF" run
expect_equal 'a policy, killed again when the late rows have gone' 137 "$STATUS"
expect_status 'a policy, killed twice: the next run ends it' 0 x run
expect_equal 'a policy, killed twice: exactly what refers to its rows is gone' "$GONE" "$(sql "late$number" "$LEFT")"

policy "late$((++number))" 'grace = "1 day";'
meanwhile roots.committed
expect_equal 'a policy with a grace period, written while it moves: the run ends well' 0 "$STATUS"
expect_equal 'what refers to its rows is gone' "${GONE% / *}" "$(sql "late$number" "$LEFT" | sed 's, / [0-9]*$,,')"
expect_status 'its snapshot verifies' 0 x verify
expect_status 'and it is restored' 0 x restore db-1
sql "late$number" "delete from t.note where id > 1002; delete from t.reply where id = 1001; delete from t.note where id = 1001"
expect_equal 'with what came late' '1001-late / 3 4 / 61' "$(sql "late$number" "select concat_ws(' / ', (select string_agg(id || '-' || who, ' ') from t.mark where id = 1001), (select string_agg(page_id::text, ' ' order by page_id) from t.plain where body = 'late'), (select count(*) from t.page) + 1)")"
expect_status 'the next run withdraws the disposal' 0 x run --policy pages
expect_equal 'nothing is remembered of it' 0 "$(sql "late$number" 'select count(*) from expunge.orphan where disposal = 1')"

policy "late$((++number))" 'grace = "1 day";'
expect_status 'a policy with a grace period' 0 x run
sql "late$number" "$LATE" >"$WORK/wrote" 2>&1 || die "$(cat "$WORK/wrote")"
expect_status 'written in the grace period: at its end' 0 x run --as-of "$later"
expect_equal 'what refers to its rows is gone with the snapshot' "$GONE" "$(sql "late$number" "$LEFT")"
expect_status 'and it verifies' 0 x verify
done_testing
