#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# restore.sh -- out of a snapshot again (P5, design.md §5): archive → erase → restore is the same database, bit for bit;
# every reason against it is told at once, before a row is written; killed half-way leaves nothing changed; a look aside, and
# the drill.
# shellcheck source=tests/support/cli.sh
. "$(dirname "$0")/../support/cli.sh"
cluster_shared

faulty() # FAULT ARGUMENTS...
{
    local fault=$1
    shift
    EXPUNGE_FAULT=$fault "$EXPUNGE_FAULTY" --config "$CONF" "$@"
}
ledger() # EVENT → how many entries
{
    grep -c "\"event\":\"$1\"" "$STATE/ledger.jsonl"
}
state_of() # DATABASE ID
{
    sql "$1" "select state || case when key_destroyed_at is null then ' with key' else '' end from expunge.disposal where id = ${2##*-}"
}

# A house for one kind of subject, with its schema installed.
thing_house() # as kind_house
{
    kind_house "$@"
    x init >"$WORK/init" 2>&1 || die "init: $(cat "$WORK/init")"
}

# The one subject that has ended is copied; its grace period is ended; it is erased, and the worker dies before the
# snapshot's end.
erase_but_keep() # DATABASE [FAULT]
{
    x run >"$WORK/copied" 2>&1 || die "$1: the copy: $(tr '\n' ' ' <"$WORK/copied")"
    sql "$1" "update expunge.disposal set erase_after = now()" >"$WORK/grace"
    faulty "${2:-clear.intended}" run >"$WORK/erased" 2>&1
    [ $? -eq 137 ] || die "$1 was not erased: $(tr '\n' ' ' <"$WORK/erased")"
}

# ---- a policy's rows ---------------------------------------------------------------------------------------------------

small small
small_house small small
x init >"$WORK/init" 2>&1 || die "init: $(cat "$WORK/init")"
sql small 'delete from app.visit'
fingerprint small '^app$' >"$WORK/before"
expect_status 'rows of a policy are moved, subjects are copied and erased' 0 x run --policy events
events=eu-$(sql small "select id from expunge.disposal where name = 'events'")
expect_equal 'they are not there' 65 "$(sql small "select 130 - count(*) from app.event")"
expect_status 'P5: they are restored' 0 x restore "$events" --json
expect_json 'which says what it did, and what comes next' '["events", 65, true, true, null]' out \
    "select jsonb_build_array(j -> 'name', j #> '{tables,0,rows}', j -> 'snapshot_destroyed', j -> 'due_again', j -> 'due_at') from doc"
expect_unchanged 'P5: bit for bit what was there, sequences too' "$WORK/before" small '^app$'
expect_equal 'the disposal is withdrawn, and its key is destroyed' withdrawn "$(state_of small "$events")"
expect_equal 'the ledger has it once' 1 "$(ledger restored)"
expect_status 'what is withdrawn cannot be restored again: evidence' 14 x restore "$events"
expect_match 'because its key is destroyed' err 'the key of the snapshot of disposal eu-[0-9]+ was destroyed .* nobody can restore it'
expect_status 'and all of it verifies' 0 x verify
expect_no_match 'without a warning of rows that are there again' out warning
expect_status 'the next run moves them again' 0 x run --policy events
expect_match 'and says so' out '65 rows archived'
again=eu-$(sql small "select max(id) from expunge.disposal where name = 'events'")
expect_status 'text tells a person what comes next' 0 x restore "$again"
expect_match 'how many rows are back' out "^65 rows and 0 values of disposal $again are back in the live tables"
expect_match 'that they are due again' out 'the next run moves them again'
expect_unchanged 'the same rows a second time' "$WORK/before" small '^app$'

# ---- a subject in its grace period -------------------------------------------------------------------------------------

expect_status 'a subject in grace is copied' 0 x run
g1=eu-$(sql small "select id from expunge.disposal where subject_key = 'g1'")
fingerprint small '^app$' >"$WORK/before"
expect_status 'nothing of it was removed: nothing to restore' 64 x restore "$g1"
expect_match 'which is said, and what shows its rows' err 'nothing of disposal eu-[0-9]+ was removed yet.*--into SCHEMA'
expect_status 'a disposal that does not exist' 64 x restore eu-999
expect_status 'a disposal without a snapshot' 64 x restore "eu-$(sql small "select min(id) from expunge.disposal where snapshot_name is null")"
expect_match 'is told so' err 'has no snapshot'
expect_status '--into puts them aside' 0 x restore "$g1" --into "look at it"
expect_match 'and warns of what lies there' out 'it is personal data that no policy covers'
expect_equal 'its rows, and nobody else'"'"'s' 'g1 3 6 5' \
    "$(sql small 'select (select string_agg(id, $$,$$) from "look at it".customer), (select count(*) from "look at it".document), (select count(*) from "look at it".page), (select count(*) from "look at it".event)' -F ' ')"
expect_equal 'with their columns and types, without keys and triggers' '6 0' \
    "$(sql small "select count(*) filter (where a.atttypid = b.atttypid), (select count(*) from pg_constraint where connamespace = '\"look at it\"'::regnamespace) from pg_attribute a join pg_attribute b using (attname) where a.attrelid = 'app.customer'::regclass and b.attrelid = '\"look at it\".customer'::regclass and a.attnum > 0" -F ' ')"
expect_equal 'the disposal is as it was' 'archived with key' "$(state_of small "$g1")"
expect_equal 'and the ledger has it' 1 "$(ledger restored_into)"
expect_status 'a second time is refused: its tables are in the way' 11 x restore "$g1" --into "look at it"
expect_match 'which is said' err 'holds 4 tables or other relations already'
expect_status 'a schema that is not for rows' 64 x restore "$g1" --into pg_catalog
expect_status 'schema expunge neither' 64 x restore "$g1" --into expunge
expect_unchanged 'the live tables were not touched' "$WORK/before" small '^app$'
sql small 'drop schema "look at it" cascade' 2>/dev/null
for fault in restore.into restore.into_committed; do
    faulty "$fault" restore "$g1" --into aside >/dev/null 2>&1
    expect_equal "killed at $fault: all of it or nothing" "$([ "$fault" = restore.into ] && echo 0 || echo 4)" \
        "$(sql small "select count(*) from pg_tables where schemaname = 'aside'")"
done
sql small 'drop schema aside cascade' 2>/dev/null
expect_status 'what it left in the outbox is written by the next one' 0 x run
expect_equal 'once' 2 "$(ledger restored_into)"

# ---- the drill -----------------------------------------------------------------------------------------------------------

fingerprint small '^app$' >"$WORK/before"
expect_status 'verify --drill' 0 x verify --drill --json
expect_json 'restores the newest snapshot of each policy and kind' '{"rows": 80, "failed": 0, "checked": 2}' out "select j -> 'drill' from doc"
expect_equal 'the ledger says so, for each' 2 "$(ledger drilled)"
expect_unchanged 'nothing is left of it' "$WORK/before" small '^app$'
expect_equal 'no schema either' 0 "$(sql small "select count(*) from pg_class where relname ~ 'expunge_drill' or relname ~ 'expunge_r[0-9]'")"
expect_status 'with snapshots alone too' 0 x verify snapshots --drill
expect_status 'but not with the ledger' 64 x verify ledger --drill
file=$(find "$STATE/snapshots" -name 0001.xpf | sort | tail -n 1)
cp "$file" "$WORK/kept"
printf 'x' | dd of="$file" bs=1 seek=100 conv=notrunc 2>/dev/null
expect_status 'a damaged snapshot fails the drill: evidence' 14 x verify --drill
expect_equal 'and the ledger says that' 1 "$(grep '"event":"drilled"' "$STATE/ledger.jsonl" | grep -c '"result":"failed"')"
expect_status 'it is restored nowhere' 14 x restore "$(basename "$(dirname "$file")" | sed 's/-[0-9a-f]*$//')" --into nowhere
expect_equal 'not even the schema is made' 0 "$(sql small "select count(*) from pg_namespace where nspname = 'nowhere'")"
cp "$WORK/kept" "$file"

# ---- a subject, with all that a schema can hold ------------------------------------------------------------------------

load_shop() # CONNINFO
{
    psql -qX -v ON_ERROR_STOP=1 -d "$1" <<'END'
create schema s;
create type s.mood as enum ('glad', 'sad', 'so so');
create domain s.code as text check (value ~ '^[A-Z]');
create table s.plan (id integer primary key);
insert into s.plan values (1), (2);
create table s.root (id integer primary key, name text not null, mood s.mood, plan_id integer references s.plan, ended_at timestamptz);
create unique index root_name on s.root (lower(name));
insert into s.root select g, 'Root ' || g, 'glad', 1 + g % 2, case when g = 1 then now() - interval '1 hour' end from generate_series(0, 3) g;
create table s.item (
    id bigint generated always as identity primary key, root_id integer not null references s.root, title text not null, price numeric,
    total numeric generated always as (price * 2) stored, tags text[], data jsonb, bytes bytea, code s.code, at timestamptz default now(),
    ratio float8, plain json, spot point, unique (root_id, title) deferrable initially deferred);
create unique index item_dear on s.item (title) where price > 5;
insert into s.item (root_id, title, price, tags, data, bytes, code, at, ratio, plain, spot)
select 1 + g % 3, E'title\t\\' || g || E'\n', g / 7.0, array['a', null, 'c,"d"'], jsonb_build_object('n', g), decode('00ff0a5c', 'hex'), 'A' || g,
       case g % 4 when 0 then 'infinity' when 1 then '0044-03-15 12:00:00+00 BC' else now() end, case g % 3 when 0 then 'NaN' else 1 / (g + 0.1) end,
       '{"a": 1,  "a": 2}', point(g, 0.1) from generate_series(1, 90) g;
create table s.node (id integer primary key, root_id integer references s.root, parent_id integer references s.node on delete restrict);
insert into s.node select c * 100 + d, case when d = 0 then c end, case when d > 0 then c * 100 + d - 1 end from generate_series(1, 3) c, generate_series(0, 40) d;
create table s.left_side (id integer primary key, root_id integer not null references s.root, right_id integer not null);
create table s.right_side (id integer primary key, left_id integer not null references s.left_side);
insert into s.left_side select g, 1 + g % 3, g from generate_series(1, 30) g;
insert into s.right_side select g, g from generate_series(1, 30) g;
alter table s.left_side add foreign key (right_id) references s.right_side;
create table s.log (root_id integer references s.root, line text);
insert into s.log select 1 + g % 3, 'same' from generate_series(1, 30) g;
create table s.event (id integer, at date, root_id integer references s.root, primary key (id, at)) partition by range (at);
create table s.event_a partition of s.event for values from ('2026-01-01') to ('2026-02-01');
create table s.event_b partition of s.event for values from ('2026-02-01') to ('2026-03-01') partition by list (id);
create table s.event_b1 partition of s.event_b default;
insert into s.event select g, '2026-01-15'::date + g, 1 + g % 3 from generate_series(1, 30) g;
create table s.slot (id integer primary key, root_id integer references s.root, during int4range, exclude using gist (during with &&));
insert into s.slot select g, 1 + g % 3, int4range(g * 10, g * 10 + 9) from generate_series(1, 9) g;
-- what changes and stays: of others, and of the subject itself
create table s.favourite (id integer primary key, item_id bigint references s.item on delete set null, note text, touched integer not null default 0);
insert into s.favourite select g, g, 'x' from generate_series(1, 90) g;
create table s.pick (id integer primary key, root_id integer not null references s.root, item_id bigint references s.item on delete set null);
insert into s.pick select g, 1 + g % 3, g from generate_series(1, 90) g;
create table s.fall_back (id integer primary key, root_id integer default 0 references s.root on delete set default);
insert into s.fall_back select g, 1 + g % 3 from generate_series(1, 9) g;
create table s.post (id integer primary key, author_id integer references s.root, author_name text, body text);
insert into s.post select g, 1 + g % 3, 'Author ' || g, 'body' from generate_series(1, 9) g;
create index on s.item (root_id); create index on s.node (parent_id); create index on s.node (root_id); create index on s.left_side (root_id);
create index on s.left_side (right_id); create index on s.right_side (left_id); create index on s.log (root_id); create index on s.event (root_id);
create index on s.slot (root_id); create index on s.favourite (item_id); create index on s.pick (item_id); create index on s.pick (root_id);
create index on s.fall_back (root_id); create index on s.post (author_id);
create function s.rewrite() returns trigger language plpgsql as $$ begin new.id := new.id + 100000; return new; end $$;
create trigger rewrite before insert on s.node for each row execute function s.rewrite();
create function s.refuse() returns trigger language plpgsql as $$ begin raise 'no insert here'; end $$;
create trigger refuse after insert on s.item for each row execute function s.refuse();
END
}
SHOP_EDGES='{ from = "s.post(author_id)"; to = "s.root(id)"; action = "anonymise"; set = { author_id = "NULL"; author_name = "'"'deleted user'"'"; }; }'
template expunge_shop load_shop
database shop expunge_shop
thing_house shop shop s.root id "$SHOP_EDGES" '"s.plan", "s.fall_back", "s.favourite"'
fingerprint shop '^s$' >"$WORK/whole"
erase_but_keep shop
thing=db-$(sql shop 'select max(id) from expunge.disposal')
expect_equal 'a subject is erased, and its snapshot is still there' 'erased with key' "$(state_of shop "$thing")"
expect_equal 'by all its tables' '0 0 0 0 0 0 0 0' \
    "$(sql shop "select (select count(*) from s.item where root_id = 1), (select count(*) from s.node where id / 100 = 1), (select count(*) from s.left_side where root_id = 1), (select count(*) from s.log where root_id = 1), (select count(*) from s.event where root_id = 1), (select count(*) from s.slot where root_id = 1), (select count(*) from s.pick where root_id = 1), (select count(*) from s.post where author_id = 1)" -F ' ')"
fingerprint shop '^s$' >"$WORK/erased_state"
expect_equal 'what stays is nulled, set to its default, made anonymous' '30 3 3' \
    "$(sql shop "select (select count(*) from s.favourite where item_id is null), (select count(*) from s.fall_back where root_id = 0), (select count(*) from s.post where author_name = 'deleted user')" -F ' ')"

# ---- every reason against it, none of it half done -----------------------------------------------------------------------

expect_refused() # NAME REGEX SQL UNDO
{
    sql shop "$3" >"$WORK/change" 2>&1 || die "$1: $(cat "$WORK/change")"
    fingerprint shop '^s$' >"$WORK/changed"
    expect_status "$1: refused" 11 x restore "$thing"
    expect_match "$1: it says so" out "^refused: $2"
    expect_unchanged "$1: nothing was changed" "$WORK/changed" shop '^s$'
    expect_equal "$1: the disposal neither" 'erased with key' "$(state_of shop "$thing")"
    sql shop "$4" >"$WORK/change" 2>&1 || die "$1, undone: $(cat "$WORK/change")"
}
expect_refused 'a changed type' 's\.pick: column "id" was of type integer and is of type bigint now' \
    'alter table s.pick alter id type bigint' 'alter table s.pick alter id type integer'
expect_refused 'a column that is gone and held data' 's\.item: column "code" is not there any more, and 30 rows hold data in it' \
    'alter table s.item rename code to other' 'alter table s.item rename other to code'
expect_refused 'a new column NOT NULL without default' 's\.slot: column "more" is NOT NULL now without a default, and 3 rows have no value for it' \
    "alter table s.slot add more integer; update s.slot set more = 1; alter table s.slot alter more set not null" 'alter table s.slot drop more'
expect_refused 'a column that became NOT NULL' 's\.node: column "root_id" is NOT NULL now, and 40 rows have no value' \
    "create table s.kept as select * from s.node; delete from s.node where root_id is null; alter table s.node alter root_id set not null" \
    "alter table s.node alter root_id drop not null; set session_replication_role = replica; insert into s.node select * from s.kept where root_id is null; drop table s.kept"
expect_refused 'a column that is generated now' 's\.log: column "line" is generated now, and was not' \
    "alter table s.log rename line to was; alter table s.log add line text generated always as (was) stored" 'alter table s.log drop line; alter table s.log rename was to line'
expect_refused 'a new CHECK' 's\.slot: 3 rows do not satisfy "small"' \
    'alter table s.slot add constraint small check (root_id > 1)' 'alter table s.slot drop constraint small'
expect_refused 'a taken primary key' 's\.pick: 1 key of it are taken \("pick_pkey"\)' \
    'insert into s.pick values (3, 2, null)' 'delete from s.pick where id = 3'
expect_refused 'a taken key of a row with another text' 's\.root: 1 key of it are taken \("root_name"\)' \
    "insert into s.root values (77, 'ROOT 1')" 'delete from s.root where id = 77'
expect_refused 'an exclusion constraint' 's\.slot: 1 key of it are taken \("slot_during_excl"\)' \
    "insert into s.slot values (50, 2, '[35,36)')" 'delete from s.slot where id = 50'
expect_refused 'a missing parent' 's\.root: the rows of s\.plan that 1 row refer to are not there \("root_plan_id_fkey"\)' \
    'update s.root set plan_id = 1; delete from s.plan where id = 2' 'insert into s.plan values (2); update s.root set plan_id = 1 + id % 2'
expect_refused 'a partition that is gone' 's\.event: there is no partition for [0-9]+ rows' \
    'alter table s.event detach partition s.event_a' "alter table s.event attach partition s.event_a for values from ('2026-01-01') to ('2026-02-01')"
expect_refused 'a table that is gone' 's\.log: the table is not there any more' 'alter table s.log rename to diary' 'alter table s.diary rename to log'
expect_refused 'a label that an enum has no more' 's\.root: .*type' \
    "alter type s.mood rename value 'glad' to 'merry'" "alter type s.mood rename value 'merry' to 'glad'"
sql shop "alter table s.pick alter id type bigint; insert into s.root values (1, 'Root 99'); alter table s.slot add constraint small check (root_id > 1)"
expect_status 'all reasons at once' 11 x restore "$thing" --json
expect_json 'a type, a key, a condition: in one answer' 't t t' out \
    "select concat_ws(' ', j ->> 'reasons' ~ 'bigint', j ->> 'reasons' ~ 'root_pkey', j ->> 'reasons' ~ 'small') from doc"
expect_no_match 'no value of a row is told' out 'Root|Author|title'
sql shop "alter table s.pick alter id type integer; delete from s.root where id = 1; alter table s.slot drop constraint small"
expect_unchanged 'the trials left nothing behind' "$WORK/erased_state" shop '^s$'

# ---- killed on its way -----------------------------------------------------------------------------------------------------

for fault in restore.staged restore.put restore.put:5 restore.written restore.marked; do
    faulty "$fault" restore "$thing" >/dev/null 2>&1
    expect_unchanged "killed at $fault: nothing was changed" "$WORK/erased_state" shop '^s$'
    expect_equal "killed at $fault: the snapshot is there" 'erased with key' "$(state_of shop "$thing")"
done

# ---- bit for bit -----------------------------------------------------------------------------------------------------------

sql shop "update s.favourite set note = 'mine' where id = 3; update s.post set author_name = 'Somebody' where id = 3"
faulty restore.committed restore "$thing" >/dev/null 2>&1
expect_equal 'killed right after the commit: the rows are back, the snapshot is not ended' 'erased with key' "$(state_of shop "$thing")"
expect_equal 'a value of a row that somebody changed meanwhile stays, the others are back' 'f 0 Somebody' \
    "$(sql shop "select exists (select from s.favourite where item_id is null), (select count(*) from s.fall_back where root_id = 0), (select author_name from s.post where id = 3)" -F ' ')"
sql shop "update s.favourite set note = 'x' where id = 3; update s.post set author_name = 'Author 3', author_id = 1 where id = 3"
expect_unchanged 'P5: archive, erase, restore: the same database, bit for bit, sequences too' "$WORK/whole" shop '^s$'
expect_status 'a second restore only ends the snapshot' 0 x restore "$thing"
expect_match 'and says so' out 'were back already'
expect_equal 'withdrawn, without a key' withdrawn "$(state_of shop "$thing")"
expect_equal 'the ledger has the restore once' 1 "$(ledger restored)"
expect_unchanged 'and no row twice' "$WORK/whole" shop '^s$'
expect_status 'verify finds nothing wrong' 0 x verify
expect_no_match 'no root that should be gone' out 'again'
expect_status 'the next run begins a new grace period' 0 x run
expect_equal 'from the restore on' t "$(sql shop "select erase_after > now() + interval '23 hours' from expunge.disposal where state = 'archived'")"
expect_unchanged 'and takes nothing' "$WORK/whole" shop '^s$'

# ---- an erasure that was under way ---------------------------------------------------------------------------------------

for fault in begin.committed guard.judged:4 guard.judged:8 whole.committed root.counted; do
    name=shop_${fault//[.:]/_}
    database "$name" expunge_shop
    thing_house "$name" "$name" s.root id "$SHOP_EDGES" '"s.plan", "s.fall_back", "s.favourite"'
    fingerprint "$name" '^s$' >"$WORK/whole"
    erase_but_keep "$name" "$fault"
    thing=db-$(sql "$name" 'select max(id) from expunge.disposal')
    expect_match "stopped at $fault" /dev/stdin 'eras(ing|ed) with key' <<<"$(state_of "$name" "$thing")"
    expect_status "stopped at $fault: what is gone is restored, what is there stays" 0 x restore "$thing"
    expect_unchanged "stopped at $fault: the same database" "$WORK/whole" "$name" '^s$'
    expect_equal "stopped at $fault: the disposal is over" withdrawn "$(state_of "$name" "$thing")"
    expect_status "stopped at $fault: and all verifies" 0 x verify
done

# ---- a hold, a worker that is busy, a trigger that fires always -----------------------------------------------------------

database held expunge_shop
thing_house held held s.root id "$SHOP_EDGES" '"s.plan", "s.fall_back", "s.favourite"'
fingerprint held '^s$' >"$WORK/whole"
erase_but_keep held
thing=db-$(sql held 'select max(id) from expunge.disposal')
fingerprint held '^s$' >"$WORK/erased_state"
sql held "insert into expunge.hold (kind, subject_key, type, reason) values ('thing', '1', 'legal', 'court')"
sql held "select pg_advisory_lock(hashtextextended('expunge.disposal', ${thing##*-})), pg_sleep(8)" >/dev/null 2>&1 &
sleep 1
expect_status 'a worker is busy with it: try again' 75 x restore "$thing"
wait
sql held "create function s.again() returns trigger language plpgsql as \$\$ begin new.line := 'changed'; return new; end \$\$;
    create trigger again before insert on s.log for each row execute function s.again(); alter table s.log enable always trigger again"
expect_status 'a trigger that fires always and changes a row: all is rolled back' 11 x restore "$thing"
expect_match 'and the table is named' err '"s"\."log"'
expect_unchanged 'nothing is changed' "$WORK/erased_state" held '^s$'
sql held 'drop trigger again on s.log'
expect_status 'a hold forbids no restore' 0 x restore "$thing"
expect_match 'but the end of the snapshot' out 'its snapshot is still there, and a later run ends it: .*hold'
expect_unchanged 'the rows are back' "$WORK/whole" held '^s$'
expect_equal 'the key is there' 'erased with key' "$(state_of held "$thing")"
expect_status 'verify finds nothing wrong with that' 0 x verify
run x certificate "$thing"
expect_match 'its certificate says that the rows are back' out 'its rows are back'
run x run
expect_equal 'a run leaves it as it is' 'erased with key' "$(state_of held "$thing")"
sql held 'update expunge.hold set released_at = now(); update expunge.disposal set next_attempt_at = null'
expect_status 'the hold is lifted' 0 x run
expect_equal 'and the next run ends it' withdrawn "$(state_of held "$thing")"
expect_unchanged 'and takes no row' "$WORK/whole" held '^s$'

# ---- a policy whose rows take others along, and change others ------------------------------------------------------------

load_desk() # CONNINFO
{
    psql -qX -v ON_ERROR_STOP=1 -d "$1" <<'END'
create schema d;
create table d.ticket (id integer primary key, closed_at timestamptz not null, slug text unique deferrable initially deferred);
create index on d.ticket (closed_at, id);
insert into d.ticket select g, now() - g * interval '1 day' + interval '12 hours', 't' || g from generate_series(1, 60) g;
create table d.message (id integer primary key, ticket_id integer not null references d.ticket, reply_to integer references d.message on delete set null, body text);
insert into d.message select g, 1 + (g - 1) / 4, case when g % 4 <> 1 then g - 1 end, 'm' || g from generate_series(1, 240) g;
create index on d.message (ticket_id); create index on d.message (reply_to);
create table d.mention (id integer primary key, message_id integer references d.message on delete set null, n integer not null default 0);
insert into d.mention select g, g from generate_series(1, 240) g;
create index on d.mention (message_id);
-- what was there before the key was declared, and refers to nothing
create table d.tag (id integer primary key, ticket_id integer);
insert into d.tag select g, 1 + g % 60 from generate_series(1, 60) g;
insert into d.tag values (61, 1000);
alter table d.tag add foreign key (ticket_id) references d.ticket not valid;
create index on d.tag (ticket_id);
create function d.count() returns trigger language plpgsql as $$ begin new.n := old.n + 1; return new; end $$;
END
}
template expunge_desk load_desk
database desk expunge_desk
new_house desk
cat >"$CONF" <<END
worker = { state_dir = "$STATE"; master_key = "file:$WORK/desk/master.key"; pace = { duty = 1.0; }; batch = { target_ms = 5; max_rows = 7; }; };
databases = ( { name = "db"; conninfo = "$(conninfo desk)"; } );
policies = ( { name = "tickets"; class = "tickets"; table = "d.ticket"; age = "closed_at"; keep_for = "30 days"; grace = "5 days";
    purpose = "help"; basis = "GDPR Art. 6(1)(b)"; } );
global_tables = [ "d.mention" ];
stores = ( { name = "s"; kind = "directory"; role = "snapshots"; path = "$WORK/desk/snapshots"; } );
safety = { max_share = 1.0; };
end = true;
END
x init >"$WORK/init" 2>&1 || die "init: $(cat "$WORK/init")"
fingerprint desk '^d$' >"$WORK/whole"
expect_status 'tickets are moved with their messages, and replies and mentions nulled' 0 x run
tickets=db-$(sql desk 'select max(id) from expunge.disposal')
expect_equal 'they are gone' '30 120 120 120' \
    "$(sql desk 'select (select count(*) from d.ticket), (select count(*) from d.message), (select count(*) from d.mention where message_id is not null), (select count(*) from d.mention where message_id is null)' -F ' ')"
sql desk 'create trigger count before update on d.mention for each row execute function d.count()'
sql desk "begin; update d.ticket set slug = 't50' where id = 2; commit"
expect_status 'a taken key that is judged at the end of a transaction: refused' 11 x restore "$tickets"
expect_match 'and named' out 'd\.ticket: 1 key of it are taken \("ticket_slug_key"\)'
sql desk "update d.ticket set slug = 't2' where id = 2"
expect_status 'they come back: rows first, then what was nulled in them and elsewhere' 0 x restore "$tickets"
expect_match 'which is said' out '120 +d\.mention +values'
expect_equal 'rows that lived on were changed with triggers on, as by the erasure' 120 "$(sql desk 'select count(*) from d.mention where n = 1')"
sql desk 'drop trigger count on d.mention; update d.mention set n = 0'
expect_unchanged 'the same database' "$WORK/whole" desk '^d$'
expect_status 'and again, moved' 0 x run
expect_status 'and restored' 0 x restore "db-$(sql desk 'select max(id) from expunge.disposal')"
expect_unchanged 'the same database once more' "$WORK/whole" desk '^d$'
expect_status 'all of it verifies' 0 x verify

# ---- rights ----------------------------------------------------------------------------------------------------------------

x run >/dev/null 2>&1
tickets=db-$(sql desk 'select max(id) from expunge.disposal')
worker=$(database_name worker)
at_end "sql desk 'drop owned by \"$worker\"' >/dev/null 2>&1; sql /postgres 'drop role if exists \"$worker\"' >/dev/null 2>&1"
sql /postgres "create role \"$worker\" login" && sql desk "grant expunge_worker to \"$worker\""
sed -i "s/ user=postgres / user=$worker /" "$CONF"
fingerprint desk '^d$' >"$WORK/moved"
expect_status 'P19: a worker that may only erase restores nothing: no permission' 77 x restore "$tickets"
expect_match 'and is told of every right' out 'GRANT SET ON PARAMETER session_replication_role TO'
expect_match 'with the lines that grant it' out 'GRANT SELECT, INSERT ON TABLE "d"\."message" TO'
expect_unchanged 'nothing was changed' "$WORK/moved" desk '^d$'
expect_status '--into asks for another right' 77 x restore "$tickets" --into look
expect_match 'and says which' err 'GRANT CREATE ON DATABASE'
expect_status 'check tells what a restore would need' 0 x check
expect_match 'as a note' out 'GRANT SET ON PARAMETER session_replication_role TO'
expect_status 'a drill needs no more than the worker has' 0 x verify --drill
x restore "$tickets" | sed -n 's/^refused: .*: \(GRANT .*\)$/\1;/p' >"$WORK/grants"
sql desk - <"$WORK/grants" >"$WORK/granted" 2>&1 || die "the grants: $(cat "$WORK/granted")"
expect_status 'with what was printed, it works' 0 x restore "$tickets"
expect_unchanged 'the same database' "$WORK/whole" desk '^d$'

# ---- the reference schema's policies -------------------------------------------------------------------------------------

reference eu
house home eu
x init >"$WORK/init" 2>&1 || die "init: $(cat "$WORK/init")"
: >"$WORK/list"
for policy in usage-events tracking-events uninstalled-apps support-tickets; do
    fingerprint eu '^(?!expunge$)' >"$WORK/before.$policy"
    x run --policy "$policy" >"$WORK/run" 2>&1 || die "$policy: $(cat "$WORK/run")"
    printf '%s %s\n' "$(disposal_of eu policy "$policy" archived)" "$policy" >>"$WORK/list"
done
while read -r id policy; do
    run x restore "$id"
    [ "$STATUS" = 0 ] || not_ok "P5: policy $policy is restored" "$(last_run)"
    expect_unchanged "P5: what policy $policy moved is restored, bit for bit" "$WORK/before.$policy" eu '^(?!expunge$)'
done < <(tac "$WORK/list")
expect_status 'everything that is due is done' 0 x run --allow-large
for kind in $(sql eu "select distinct kind from expunge.disposal where state = 'archived' and kind <> 'policy' order by 1"); do
    id=$(sql eu "select 'eu-' || min(id) from expunge.disposal where state = 'archived' and kind = '$kind'")
    fingerprint eu '^(?!expunge$)' >"$WORK/before"
    sql eu "update expunge.disposal set erase_after = now() where id = ${id##*-}" >"$WORK/grace"
    faulty clear.intended run --disposal "$id" >"$WORK/run" 2>&1
    expect_equal "P5: a $kind of the reference schema is erased" 'erased with key' "$(state_of eu "$id")"
    expect_status "P5: the $kind is restored" 0 x restore "$id"
    expect_unchanged "P5: bit for bit" "$WORK/before" eu '^(?!expunge$)'
done
expect_status 'all of it verifies' 0 x verify

# ---- public databases ------------------------------------------------------------------------------------------------------

public_case() # DATABASE TABLE KEY VALUE EDGES GLOBAL
{
    local name=$1_$2
    template "expunge_case_$1" load_case "$1"
    database "$name" "expunge_case_$1"
    sql "$name" "alter table $2 add ended_at timestamptz; set session_replication_role = replica; update $2 set ended_at = now() - interval '1 hour' where $3 = '$4'" >"$WORK/.update"
    fingerprint "$name" '^public$' >"$WORK/whole"
    thing_house "$name" "$name" "public.$2" "$3" "$5" "$6"
    erase_but_keep "$name"
    expect_true "$1: $2 $4 is erased" test "$(fingerprint "$name" '^public$' | diff "$WORK/whole" - | grep -c '^>')" -ge 2
    expect_status "$1: and restored" 0 x restore "$(sql "$name" "select 'db-' || max(id) from expunge.disposal")"
    expect_unchanged "$1: $2 $4: every table as it was, bit for bit" "$WORK/whole" "$name" '^public$'
    expect_status "$1: all of it verifies" 0 x verify
}

e() { printf '{ from = "public.%s"; to = "public.%s"; action = "delete"; }, ' "$1" "$2"; }
if [ -d "$CASES" ]; then
    public_case pagila store store_id 1 \
        "$(e 'rental(customer_id)' 'customer(customer_id)')$(e 'rental(staff_id)' 'staff(staff_id)')$(e 'rental(inventory_id)' 'inventory(inventory_id)')$(e 'payment(staff_id)' 'staff(staff_id)')$(e 'payment(customer_id)' 'customer(customer_id)')$(e 'payment(rental_id)' 'rental(rental_id)' | sed 's/, $//')" \
        '"public.film", "public.film_actor", "public.film_category", "public.actor", "public.category", "public.language", "public.address", "public.city", "public.country"'
    public_case pagila customer customer_id 5 \
        "$(e 'payment(customer_id)' 'customer(customer_id)')$(e 'payment(rental_id)' 'rental(rental_id)' | sed 's/, $//')" \
        '"public.film", "public.film_actor", "public.film_category", "public.actor", "public.category", "public.language", "public.address", "public.city", "public.country", "public.inventory", "public.staff", "public.store"'
    public_case pagila film film_id 1 "$(e 'payment(rental_id)' 'rental(rental_id)' | sed 's/, $//')" \
        '"public.actor", "public.category", "public.language", "public.address", "public.city", "public.country", "public.customer", "public.staff", "public.store"'
    public_case chinook artist artist_id 1 "$(e 'playlist_track(track_id)' 'track(track_id)' | sed 's/, $//')" \
        '"public.genre", "public.media_type", "public.playlist", "public.customer", "public.employee", "public.invoice"'
    public_case chinook employee employee_id 2 "$(e 'employee(reports_to)' 'employee(employee_id)' | sed 's/, $//')" \
        '"public.album", "public.artist", "public.genre", "public.media_type", "public.playlist", "public.playlist_track", "public.track"'
    public_case northwind suppliers supplier_id 2 '' \
        '"public.categories", "public.customer_customer_demo", "public.customer_demographics", "public.customers", "public.employee_territories", "public.employees", "public.orders", "public.region", "public.shippers", "public.territories", "public.us_states"'
    public_case northwind categories category_id 3 '' \
        '"public.suppliers", "public.customer_customer_demo", "public.customer_demographics", "public.customers", "public.employee_territories", "public.employees", "public.orders", "public.region", "public.shippers", "public.territories", "public.us_states"'
    public_case northwind customers customer_id ALFKI '' \
        '"public.suppliers", "public.categories", "public.products", "public.customer_demographics", "public.employee_territories", "public.employees", "public.region", "public.shippers", "public.territories", "public.us_states"'
else
    skip 'public databases' "no $CASES here"
fi

done_testing
