#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# traps_cycles.sh -- references that go round or deep: a RESTRICT self reference, cycles of NOT NULL keys and of nullable
# ones, chains of 600 tables and of 10,000 rows, a table of 559 columns.
. "$(dirname "$0")/../support/traps.sh"
cluster_shared

# ---- self references ----------------------------------------------------------------------------------------------------

tree_sql="create table t.node (id integer primary key, root_id integer references t.root, parent_id integer references t.node on delete restrict, body text);
create index on t.node (parent_id);"

trap_schema restrict_tree <<END
$tree_sql
insert into t.node select g, 1 + g / 100 % 3, case when g % 100 > 0 then g - 1 end from generate_series(0, 899) g;
update t.node set parent_id = case when id % 100 = 99 then null else id + 1 end where id between 300 and 399; -- upwards, too
END
TRAP_BATCH=7 trap_house '' ''
goes t.root 'id = 1' t.node 'id / 100 % 3 = 0'
trap_erased 'a RESTRICT self reference in batches of 7'

trap_schema long_chain <<END
$tree_sql
insert into t.node select g, case g when 0 then 1 when 10001 then 2 end, case when g not in (0, 10001) then g - 1 end, 'x' from generate_series(0, 20002) g;
analyze;
END
trap_house '' ''
goes t.root 'id = 1' t.node 'id <= 10000'
started=$SECONDS
trap_erased 'a chain of 10,001 rows that only its top ties to the subject'
expect_true 'within two minutes' test $((SECONDS - started)) -lt 120

# ---- cycles -------------------------------------------------------------------------------------------------------------

trap_schema not_null_cycle <<'END'
create table t.a (id integer primary key, root_id integer not null references t.root, b_id integer not null);
create table t.b (id integer primary key, c_id integer not null);
create table t.c (id integer primary key, a_id integer not null references t.a);
insert into t.a select g, 1 + g % 3, g from generate_series(1, 30) g;
insert into t.c select g, g from generate_series(1, 30) g;
insert into t.b select g, g from generate_series(1, 30) g;
alter table t.a add foreign key (b_id) references t.b;
alter table t.b add foreign key (c_id) references t.c;
create table t.hangs (id integer primary key, c_id integer references t.c);
insert into t.hangs select g, g from generate_series(1, 30) g;
END
trap_house '' ''
goes t.root 'id = 1' t.a 'root_id = 1' t.b 'id % 3 = 0' t.c 'id % 3 = 0' t.hangs 'id % 3 = 0'
trap_erased 'a cycle of three NOT NULL keys that are not deferrable, and what hangs on it'

trap_schema nullable_cycle <<'END'
create table t.a (id integer primary key, root_id integer references t.root, b_id integer, best integer);
create table t.b (id integer primary key, a_id integer not null references t.a);
alter table t.a add foreign key (b_id) references t.b;
alter table t.a add foreign key (best) references t.b on delete set null;
insert into t.a select g, 1 + g % 3 from generate_series(1, 30) g;
insert into t.b select g, 1 + g % 30 from generate_series(1, 300) g;
update t.a set b_id = (select min(id) from t.b where a_id = a.id) where id % 2 = 0;
update t.a set best = (select max(id) from t.b where a_id = a.id) where id % 5 <> 0;
END
trap_house '' ''
goes t.root 'id = 1' t.a 'root_id = 1' t.b 'a_id in (select id from t.a where root_id = 1)'
trap_erased 'a cycle with nullable edges, one of them SET NULL'

trap_schema root_cycle <<'END'
create table t.person (id integer primary key, root_id integer not null references t.root);
insert into t.person select g, 1 + g % 3 from generate_series(1, 9) g;
alter table t.root add owner_id integer references t.person;
update t.root set owner_id = (select min(id) from t.person where root_id = root.id);
END
trap_house '' ''
goes t.root 'id = 1' t.person 'root_id = 1'
trap_erased 'a cycle that goes through the root'

trap_schema cycle_foreign <<'END'
create table t.person (id integer primary key, root_id integer not null references t.root);
insert into t.person select g, 1 + g % 3 from generate_series(1, 9) g;
alter table t.root add owner_id integer references t.person;
update t.root set owner_id = 3 where id = 2;
END
trap_house '' ''
trap_refused 'a cycle that would drag another root along' 'subject of its own|belong to a row of'

# ---- deep and wide --------------------------------------------------------------------------------------------------------

trap_schema deep_chain < <(
    for n in $(seq 1 600); do
        parent=t.c$((n - 1))
        [ "$n" -gt 1 ] || parent=t.root
        echo "create table t.c$n (id integer primary key, parent_id integer not null references $parent); create index on t.c$n (parent_id); insert into t.c$n values (1, 1), (2, 2), (3, 3);"
    done
)
trap_house '' ''
for n in $(seq 1 600); do
    goes "t.c$n" 'id = 1'
done
goes t.root 'id = 1'
started=$SECONDS
trap_erased 'a chain of 600 tables'
expect_true 'within three minutes' test $((SECONDS - started)) -lt 180

trap_schema wide < <(
    echo "create table t.wide (id integer primary key, root_id integer references t.root"
    for n in $(seq 1 557); do echo ", \"Column $n, with a name that is as long as names may be ……… xx\" text"; done
    echo "); insert into t.wide (id, root_id, \"Column 557, with a name that is as long as names may be ……… xx\") select g, 1 + g % 3, repeat('y', g) from generate_series(1, 9) g;"
)
trap_house '' ''
goes t.root 'id = 1' t.wide 'root_id = 1'
trap_erased 'a table of 559 columns'

done_testing
