#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# traps_actions.sh -- what foreign keys do to rows that stay: SET NULL, SET DEFAULT, partly NULL keys, several edges between
# the same tables, edges to unique keys that are no primary key.
. "$(dirname "$0")/../support/traps.sh"
cluster_shared

# ---- every ON DELETE action, deferrable or not, NOT VALID -------------------------------------------------------------

trap_schema every_action <<'END'
create table t.cascades (id integer primary key, root_id integer references t.root on delete cascade);
create table t.nothing (id integer primary key, root_id integer references t.root);
create table t.restricts (id integer primary key, root_id integer references t.root on delete restrict);
create table t.deferred (id integer primary key, root_id integer references t.root deferrable initially deferred);
create table t.nulls (id integer primary key, root_id integer references t.root on delete set null, n integer);
create table t.defaults (id integer primary key, root_id integer default 3 references t.root on delete set default);
create table t.not_valid (id integer primary key, root_id integer);
insert into t.not_valid values (100, 77), (101, null);
alter table t.not_valid add foreign key (root_id) references t.root not valid;
insert into t.cascades select g, 1 + g % 3 from generate_series(1, 9) g;
insert into t.nothing select g, 1 + g % 3 from generate_series(1, 9) g;
insert into t.restricts select g, 1 + g % 3 from generate_series(1, 9) g;
insert into t.deferred select g, 1 + g % 3 from generate_series(1, 9) g;
insert into t.nulls select g, 1 + g % 3, g from generate_series(1, 9) g;
insert into t.defaults select g, 1 + g % 3 from generate_series(1, 9) g;
insert into t.not_valid select g, 1 + g % 3 from generate_series(1, 9) g;
END
trap_house '{ from = "t.nulls(root_id)"; to = "t.root(id)"; action = "set_null"; }, { from = "t.defaults(root_id)"; to = "t.root(id)"; action = "set_default"; }' ''
goes t.root 'id = 1' t.cascades 'root_id = 1' t.nothing 'root_id = 1' t.restricts 'root_id = 1' t.deferred 'root_id = 1' t.not_valid 'root_id = 1'
becomes t.nulls "select row(id, nullif(root_id, 1), n)::text from t.nulls"
becomes t.defaults "select row(id, case when root_id = 1 then 3 else root_id end)::text from t.defaults"
trap_erased 'every ON DELETE action'

# ---- SET NULL that cannot be ------------------------------------------------------------------------------------------

set_null='{ from = "t.note(root_id)"; to = "t.root(id)"; action = "set_null"; }'
not_null_sql="create table t.doc (id integer primary key, root_id integer not null references t.root);
create table t.note (id integer primary key, doc_id integer not null references t.doc on delete set null, root_id integer references t.root on delete set null);
insert into t.doc select g, 1 + g % 3 from generate_series(1, 9) g;"

trap_schema not_null <<END
$not_null_sql
insert into t.note select g, g, null from generate_series(1, 9) g;
END
trap_house "$set_null" ''
trap_refused 'SET NULL onto a NOT NULL column' 'cannot stay.*NOT NULL'

trap_schema not_null_unused <<END
$not_null_sql
insert into t.note select g, g, null from generate_series(1, 9) g where g % 3 <> 0;
END
trap_house "$set_null" ''
goes t.root 'id = 1' t.doc 'root_id = 1'
trap_erased 'SET NULL onto a NOT NULL column that no row of the subject meets'

trap_schema not_null_inside <<END
create table t.doc (id integer primary key, root_id integer not null references t.root);
create table t.note (id integer primary key, doc_id integer not null references t.doc on delete set null, root_id integer references t.root);
create index on t.note (root_id, id);
insert into t.doc select g, 1 + g % 3 from generate_series(1, 9) g;
insert into t.note select g, g, 1 + g % 3 from generate_series(1, 9) g;
END
trap_house '' ''
goes t.root 'id = 1' t.doc 'root_id = 1' t.note 'root_id = 1'
trap_erased 'a SET NULL edge between rows that all go needs no NULL'

trap_schema part_check <<'END'
create table t.post (id integer, kind text, root_id integer references t.root on delete set null, primary key (id, kind)) partition by list (kind);
create table t.post_a partition of t.post for values in ('a');
create table t.post_b partition of t.post for values in ('b');
alter table t.post_b add check (root_id is not null or id > 1000);
insert into t.post select g, 'a', 1 + g % 3 from generate_series(1, 9) g;
insert into t.post select g, 'b', 2 + g % 2 from generate_series(1, 9) g;
END
trap_house '{ from = "t.post(root_id)"; to = "t.root(id)"; action = "set_null"; }' ''
sql "$TRAP" "insert into t.post values (50, 'b', 1)"
trap_refused 'SET NULL against a CHECK that only one partition has' 'cannot stay.*CHECK'
sql "$TRAP" "update t.post set id = 1050 where id = 50; update expunge.disposal set next_attempt_at = null"
goes t.root 'id = 1'
becomes t.post 'select row(id, kind, nullif(root_id, 1))::text from t.post'
trap_erased 'the same where the CHECK allows it'

trap_schema part_not_null <<'END'
create table t.post (id integer, kind text, root_id integer references t.root on delete set null, primary key (id, kind)) partition by list (kind);
create table t.post_a partition of t.post for values in ('a');
create table t.post_b (kind text not null, gone integer, id integer not null, root_id integer not null);
alter table t.post_b drop column gone;
alter table t.post attach partition t.post_b for values in ('b');
insert into t.post select g, 'a', 1 + g % 3 from generate_series(1, 9) g;
insert into t.post values (50, 'b', 1);
END
trap_house '{ from = "t.post(root_id)"; to = "t.root(id)"; action = "set_null"; }' ''
trap_refused 'SET NULL against NOT NULL of one partition' 'cannot stay.*NOT NULL'

trap_schema domain_not_null <<'END'
create domain t.reference as integer not null;
create table t.post (id integer primary key, root_id t.reference references t.root on delete set null);
insert into t.post select g, 1 + g % 3 from generate_series(1, 9) g;
END
trap_house '{ from = "t.post(root_id)"; to = "t.root(id)"; }, { from = "t.post(id)"; to = "t.root(id)"; action = "keep"; set = { id = "id"; }; keep_for = "1 day"; purpose = "p"; basis = "b"; }' ''
sed -i 's/, { from = "t.post(id)".*b"; }//; s/to = "t.root(id)"; }/to = "t.root(id)"; action = "set_null"; }/' "$CONF"
trap_refused 'SET NULL onto a domain that is NOT NULL' 'cannot stay'

# ---- SET DEFAULT ------------------------------------------------------------------------------------------------------

trap_schema default_goes <<'END'
create table t.post (id integer primary key, root_id integer default 1 references t.root on delete set default);
insert into t.post select g, 1 + g % 3 from generate_series(1, 9) g;
END
trap_house '{ from = "t.post(root_id)"; to = "t.root(id)"; action = "set_default"; }' ''
trap_refused 'SET DEFAULT to a row that is going' 'refers to a row that goes'

trap_schema default_goes_soft <<'END'
create table t.post (id integer primary key, root_id integer default 1);
insert into t.post select g, 1 + g % 3 from generate_series(1, 9) g;
END
trap_house '{ from = "t.post(root_id)"; to = "t.root(id)"; action = "set_default"; }' ''
trap_refused 'SET DEFAULT to a row that is going, by an edge that no FOREIGN KEY declares' 'refers to a row that goes'

trap_schema default_missing <<'END'
create table t.post (id integer primary key, root_id integer default 99 references t.root on delete set default);
insert into t.post select g, 1 + g % 3 from generate_series(1, 9) g;
END
trap_house '{ from = "t.post(root_id)"; to = "t.root(id)"; action = "set_default"; }' ''
trap_refused 'SET DEFAULT to a row that is not there' 'a unique or a foreign key there does not allow'

set_default='{ from = "t.post(root_id)"; to = "t.root(id)"; action = "set_default"; }'
trap_schema default_duplicate <<'END'
create table t.post (root_id integer not null default 2 references t.root on delete set default, n integer, primary key (root_id, n));
insert into t.post values (1, 1), (2, 1), (1, 2);
END
trap_house "$set_default" ''
trap_refused 'SET DEFAULT that makes a duplicate' 'a unique'

trap_schema default_twice <<'END'
create table t.post (id integer primary key, root_id integer default 2 unique references t.root on delete set default deferrable);
create table t.seat (id integer primary key, root_id integer references t.root, boss integer unique);
insert into t.post values (1, 1), (2, 3);
insert into t.seat values (1, 1, 10), (2, 1, 11), (3, 2, 12);
END
trap_house "$set_default"', { from = "t.seat(root_id)"; to = "t.root(id)"; action = "anonymise"; set = { root_id = "NULL"; boss = "0"; }; }' ''
trap_refused 'two rows that would become the same' 't"."seat" cannot stay'
sed -i 's/boss = "0"/boss = "-id"/' "$CONF"
sql "$TRAP" 'update expunge.disposal set next_attempt_at = null'
goes t.root 'id = 1'
becomes t.post 'select row(id, case root_id when 1 then 2 else root_id end)::text from t.post'
becomes t.seat 'select row(id, nullif(root_id, 1), case root_id when 1 then -id else boss end)::text from t.seat'
trap_erased 'and two that would not'

trap_schema default_referred <<'END'
create table t.post (id integer primary key, root_id integer default 2 unique references t.root on delete set default);
create table t.below (id integer primary key, post_root integer references t.post (root_id));
insert into t.post values (1, 1), (2, 3);
insert into t.below values (1, 3), (2, null), (3, 1);
END
trap_house "$set_default" '"t.below"'
trap_refused 'SET DEFAULT of what other rows refer to' 'a unique or a foreign key'
sql "$TRAP" 'delete from t.below where id = 3; update expunge.disposal set next_attempt_at = null'
goes t.root 'id = 1'
becomes t.post 'select row(id, case root_id when 1 then 2 else root_id end)::text from t.post'
trap_erased 'or of what they do not'

# ---- SET NULL (column), MATCH FULL, partly NULL -----------------------------------------------------------------------

trap_schema partly <<'END'
create table t.place (root_id integer references t.root, nr integer, primary key (root_id, nr));
create table t.visit (id integer primary key, root_id integer, nr integer, foreign key (root_id, nr) references t.place on delete set null (nr));
create table t.full_match (id integer primary key, a integer, b integer, foreign key (a, b) references t.place match full);
create table t.simple (id integer primary key, a integer, b integer, foreign key (a, b) references t.place);
insert into t.place select r, n from generate_series(1, 3) r, generate_series(1, 3) n;
insert into t.visit select g, 1 + g % 3, 1 + g / 3 % 3 from generate_series(1, 9) g;
insert into t.visit values (20, 1, null), (21, null, 1);
insert into t.full_match select g, 1 + g % 3, 1 + g / 3 % 3 from generate_series(1, 9) g;
insert into t.full_match values (20, null, null);
insert into t.simple select g, 1 + g % 3, 1 + g / 3 % 3 from generate_series(1, 9) g;
insert into t.simple values (20, 1, null), (21, null, 1), (22, 1, null);
END
visits='{ from = "t.visit(root_id, nr)"; to = "t.place(root_id, nr)"; action = "set_null"; }'
trap_house "$visits" ''
expect_status 'half of a key that may be NULL looks like the key of the subject' 11 x run
expect_match 'which stops it before anything has begun' out 't.visit.root_id looks like the key of a thing'
TRAP_NOT_KEYS='{ columns = "t.visit(root_id)"; why = "visits stay"; }' trap_house "$visits" ''
goes t.root 'id = 1' t.place 'root_id = 1' t.full_match 'a = 1' t.simple 'a = 1 and b is not null'
becomes t.visit 'select row(id, root_id, case when root_id = 1 then null else nr end)::text from t.visit'
sql "$TRAP" "delete from t.visit where id = 20"
trap_erased 'SET NULL (column), MATCH FULL and partly NULL keys'

# ---- several edges, and edges to unique keys --------------------------------------------------------------------------

trap_schema several <<'END'
create table t.message (id integer primary key, from_id integer references t.root, to_id integer references t.root on delete cascade, about integer references t.root);
insert into t.message values (1, 1, 1, 1), (2, 2, 2, 2), (3, 1, null, null), (4, null, 1, 1), (5, 3, 2, null), (6, null, null, null);
END
trap_house '' ''
goes t.root 'id = 1' t.message 'id in (1, 3, 4)'
trap_erased 'three edges between the same two tables'

trap_schema several_foreign <<'END'
create table t.message (id integer primary key, from_id integer references t.root, to_id integer references t.root);
insert into t.message values (1, 1, 1), (2, 1, 2);
END
trap_house '' ''
trap_refused 'a row of two subjects by two edges to the same table' 'belong to a row of'

trap_schema unique_key <<'END'
create table t.doc (id integer primary key, root_id integer references t.root, code text unique, nr integer, unique (code, nr));
create table t.page (id integer primary key, doc_code text references t.doc (code), root_id integer references t.root);
create table t.line (id integer primary key, doc_code text, doc_nr integer, foreign key (doc_code, doc_nr) references t.doc (code, nr));
insert into t.doc select g, 1 + g % 3, 'c' || g, g from generate_series(1, 9) g;
insert into t.doc values (20, 1, null, null);
insert into t.page select g, 'c' || g, null from generate_series(1, 9) g;
insert into t.line select g, 'c' || g, g from generate_series(1, 9) g;
END
trap_house '' ''
goes t.root 'id = 1' t.doc 'root_id = 1' t.page "doc_code in (select code from t.doc where root_id = 1)" t.line "doc_code in (select code from t.doc where root_id = 1)"
trap_erased 'edges to unique keys that are not the primary key, with NULLs among them'

trap_schema unique_foreign <<'END'
create table t.doc (id integer primary key, root_id integer references t.root, code text unique);
create table t.page (id integer primary key, doc_code text references t.doc (code), root_id integer references t.root);
insert into t.doc values (1, 1, null), (2, 2, 'two'), (3, 1, 'three');
insert into t.page values (1, 'two', 1), (2, 'three', 1);
END
trap_house '' ''
trap_refused "another subject's row by a unique key, while the subject has a NULL there" 'belong to a row of'

done_testing
