#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# restore_values.sh -- what stands against values that go back into rows that lived on: a key that somebody took, a column
# that became NOT NULL, a CHECK, a parent that is missing, of a NOT VALID key too; and keys that are younger than the snapshot.
# All reasons in one answer, before the first row is written.
. "$(dirname "$0")/../support/traps.sh"
cluster_shared

trap_schema values <<'END'
create table t.plan (id integer primary key);
insert into t.plan values (1), (2);
create table t.seat (id integer primary key, root_id integer references t.root on delete set null, place text, mail text, plan_id integer, old_plan integer, spot int4range);
insert into t.seat values (1, 1, 'a', 'M1', 1, 77, '[10,20)'), (2, 1, 'b', null, 1, 77, null), (3, 2, 'c', 'm3', 2, 77, '[1,2)'), (4, 1, 'd', 'm4', null, null, '[20,30)');
alter table t.seat add foreign key (plan_id) references t.plan not valid, add foreign key (old_plan) references t.plan not valid;
create table t.child (id integer primary key, root_id integer not null references t.root, code text);
insert into t.child values (1, 1, 'x'), (2, 1, 'x'), (3, 1, 'y'), (4, 1, null), (5, 1, null);
create index on t.seat (root_id); create index on t.child (root_id);
END
TRAP_GRACE='30 days' trap_house '{ from = "t.seat(root_id)"; to = "t.root(id)"; action = "anonymise"; set = { root_id = "NULL"; mail = "'\''gone-'\'' || id"; plan_id = "NULL"; spot = "NULL"; }; }' '"t.plan"'
sql "$TRAP" "update t.root set ended_at = now() - interval '1 hour' where id = 1"
fingerprint "$TRAP" '^t$' >"$WORK/whole"
expect_status 'a copy is made' 0 x run
sql "$TRAP" 'update expunge.disposal set erase_after = now()'
EXPUNGE_FAULT=clear.intended run "$EXPUNGE_FAULTY" --config "$CONF" run
expect_equal 'rows went, rows were changed' '0 3' "$(sql "$TRAP" "select (select count(*) from t.child) || ' ' || count(*) from t.seat where mail like 'gone-%'")"
fingerprint "$TRAP" '^t$' >"$WORK/erased"

expect_refused() # NAME REGEX SQL UNDO
{
    sql "$TRAP" "$3" >"$WORK/change" 2>&1 || die "$1: $(cat "$WORK/change")"
    fingerprint "$TRAP" '^t$' >"$WORK/changed"
    expect_status "$1: refused" 11 x restore db-1
    expect_match "$1: it says so" out "^refused: $2"
    expect_equal "$1: as the one reason" 1 "$(grep -c '^refused: ' "$OUT")"
    expect_unchanged "$1: nothing was changed" "$WORK/changed" "$TRAP" '^t$'
    sql "$TRAP" "$4" >"$WORK/change" 2>&1 || die "$1, undone: $(cat "$WORK/change")"
}
taken="create unique index mail_once on t.seat (lower(mail)); insert into t.seat values (9, null, 'z', 'm1')"
expect_refused 'a key that somebody took' 't\.seat: 1 key of it are taken \("mail_once"\)' "$taken" 'drop index t.mail_once; delete from t.seat where id = 9'
expect_refused 'a key judged at COMMIT' 't\.seat: 1 key of it are taken \("mail_late"\)' \
    "alter table t.seat add constraint mail_late unique (mail) deferrable initially deferred; insert into t.seat values (9, null, 'z', 'M1')" \
    'alter table t.seat drop constraint mail_late; delete from t.seat where id = 9'
expect_refused 'an exclusion constraint' 't\.seat: 1 key of it are taken \("spots"\)' \
    "alter table t.seat add constraint spots exclude using gist (spot with &&); insert into t.seat values (9, null, 'z', 'z', null, null, '[29,31)')" \
    'alter table t.seat drop constraint spots; delete from t.seat where id = 9'
expect_refused 'NULL for a column that is NOT NULL now' 't\.seat: column "mail" is NOT NULL now, and NULL is to be put back into 1 row' \
    'alter table t.seat alter mail set not null' 'alter table t.seat alter mail drop not null'
expect_refused 'a CHECK' 't\.seat: 1 row do not satisfy "small"' \
    "alter table t.seat add constraint small check (mail <> 'm4') not valid" 'alter table t.seat drop constraint small'
expect_refused 'a missing parent of a NOT VALID key' 't\.seat: the rows of t\.plan that 2 rows refer to are not there \("seat_plan_id_fkey"\)' \
    'delete from t.plan where id = 1' 'insert into t.plan values (1)'
expect_refused 'rows of the snapshot that a new key holds apart' 't\.child: 2 rows of the snapshot have a key in common \("code_once"\)' \
    'create unique index code_once on t.child (code)' 'drop index t.code_once'
expect_refused 'the same, where NULLs are equal' 't\.child: 4 rows of the snapshot have a key in common \("code_once"\)' \
    'create unique index code_once on t.child (code) nulls not distinct' 'drop index t.code_once'
expect_unchanged 'the trials left nothing behind' "$WORK/erased" "$TRAP" '^t$'

sql "$TRAP" "$taken; alter table t.seat alter mail set not null; alter table t.seat add constraint small check (mail <> 'm4') not valid; delete from t.plan where id = 1; create unique index code_once on t.child (code)"
expect_status 'all of them' 11 x restore db-1
expect_equal 'are five reasons at once' 5 "$(grep -c '^refused: ' "$OUT")"
expect_no_match 'no value of a row is told' out 'gone|M1|m4'
sql "$TRAP" "drop index t.mail_once; delete from t.seat where id = 9; alter table t.seat alter mail drop not null, drop constraint small; insert into t.plan values (1); drop index t.code_once"

# values that go back are judged against what the others will be, not against what they are
sql "$TRAP" 'create unique index mail_once on t.seat (lower(mail)); alter table t.seat add constraint spots exclude using gist (spot with &&)'
expect_status 'where nothing is in the way all comes back, beside NOT VALID keys that were broken before' 0 x restore db-1
expect_unchanged 'bit for bit' "$WORK/whole" "$TRAP" '^t$'
done_testing
