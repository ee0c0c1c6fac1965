#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# hold_keys.sh -- holds whose key is spelt otherwise than the root's, and holds whose key can be nobody's: the first hold, the
# second disturb no run (P6; issue 4: holds).
. "$(dirname "$0")/../support/cli.sh"
cluster_shared
database numbers
sql numbers "
create schema t;
create table t.owner (id integer primary key, ended_at timestamptz);
create table t.item (id bigint generated always as identity primary key, owner_id integer references t.owner, at timestamptz not null);
create table t.note (id bigint generated always as identity primary key, owner text, at timestamptz not null);
create index on t.item (at, id);
create index on t.item (owner_id);
create index on t.note (at, id);
create index on t.note (owner);
insert into t.owner select g, case when g in (7, 8) then now() - interval '3 days' end from generate_series(1, 9) g;
insert into t.item (owner_id, at) select 1 + g % 9, now() - interval '100 days' from generate_series(1, 90) g;
insert into t.note (owner, at) select owner_id, at from t.item" 2>"$WORK/said" || die "$(cat "$WORK/said")"
new_house numbers
cat >"$CONF" <<END2
worker = { state_dir = "$STATE"; master_key = "file:$WORK/numbers/master.key"; };
databases = ( { name = "db"; conninfo = "$(conninfo numbers)"; } );
policies = (
  { name = "items"; class = "c"; table = "t.item"; age = "at"; keep_for = "90 days"; purpose = "p"; basis = "b"; subject = { kind = "thing"; column = "owner_id"; }; },
  { name = "notes"; class = "c"; table = "t.note"; age = "at"; keep_for = "90 days"; purpose = "p"; basis = "b"; subject = { kind = "thing"; column = "owner"; }; } );
subjects = ( { kind = "thing"; root = "t.owner"; key = "id"; ended_at = "ended_at"; grace = "1 day"; not_keys = ( { columns = "t.note(owner)"; why = "a policy's"; } ); } );
stores = ( { name = "s"; kind = "directory"; role = "snapshots"; path = "$WORK/numbers/snapshots"; } );
safety = { max_share = 1.0; };
end = true;
END2
expect_status 'init' 0 x init
place() { sql numbers "select expunge.place_hold('thing', '$1', 'legal', 'a dispute')" 2>&1; }
expect_equal 'a hold on 007' 1 "$(place 007)"
expect_equal 'is one on 7: a key is written down as its root has it' 7 "$(sql numbers 'select subject_key from expunge.hold')"
for wrong in seven 9999999999 7.5; do
    expect_true "nobody is held by the key $wrong" grep -q 'cannot be the key of a thing' <(place "$wrong")
done
# whoever owns the table can write what the function refuses, and a column's type can change
sql numbers "insert into expunge.hold (kind, subject_key, type, reason) values ('thing', 'seven', 'legal', 'x'), ('thing', '99999999999', 'legal', 'x'), ('thing', '009', 'legal', 'x')"
run x plan
expect_equal 'a plan is not disturbed by keys that are none' 0 "$STATUS"
expect_status 'nor is a run' 0 x run
left() { sql numbers "select string_agg(distinct o, ' ') from (select $2::text o from t.$1) x"; }
expect_equal 'P6: of 7 and 9 the policy takes nothing, whatever the spelling; of all others everything' '7 9' "$(left item owner_id)"
expect_equal 'P6: where a column holds the key as text, it is the spelling of the root that counts' 7 "$(left note owner)"
expect_equal 'P6: who is held is there, the other one that has ended is not' '7' "$(sql numbers "select string_agg(id::text, ' ') from t.owner where ended_at is not null")"
run x check
expect_match 'check tells which holds hold nobody' out 'hold 2: its key can be that of no thing, as keys are now: it holds nobody'
expect_match 'each of them' out 'hold 3: its key can be that of no thing'
expect_no_match 'and no other' out 'hold [14]: its key'
expect_match 'and what to do about it' out 'expunge release db-2 --reason TEXT'
expect_status 'status of a subject is not disturbed' 0 x status thing 7
expect_match 'and tells the hold' out 'hold 1 \(legal\) is in force'
sql numbers "select expunge.release_hold(1, 'settled'); select expunge.release_hold(4, 'settled')" >/dev/null
expect_status 'released: a run' 0 x run
expect_equal 'all of it goes' '0 0 0' "$(sql numbers "select (select count(*) from t.item), (select count(*) from t.note), (select count(*) from t.owner where ended_at is not null)" -F ' ')"
expect_status 'and verifies' 0 x verify
done_testing
