#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# traps_partitions.sh -- partitions: foreign keys from one leaf and to one leaf, several levels, siblings that were detached;
# and classic inheritance, whose children are tables of their own.
. "$(dirname "$0")/../support/traps.sh"
cluster_shared

# ---- several levels, keys from and to partitioned tables ----------------------------------------------------------------

trap_schema levels <<'END'
create table t.event (id integer, root_id integer not null references t.root, region text, year integer, body text,
                      primary key (id, region, year)) partition by list (region);
create table t.event_eu partition of t.event for values in ('eu') partition by range (year);
create table t.event_eu_1 partition of t.event_eu for values from (2000) to (2020);
create table t.event_eu_2 (body text, dropped integer, year integer not null, region text not null, root_id integer not null, id integer not null);
alter table t.event_eu_2 drop column dropped;
alter table t.event_eu attach partition t.event_eu_2 for values from (2020) to (2030);
create table t.event_rest partition of t.event default;
create table t.detail (id integer primary key, event_id integer, region text, year integer, foreign key (event_id, region, year) references t.event);
create table t.event_old partition of t.event for values in ('old');
insert into t.event select g, 1 + g % 3, (array['eu', 'us', 'old'])[1 + g % 3], 2000 + g % 29, 'b' || g from generate_series(1, 90) g;
insert into t.event select g, 1, 'old', 2000 + g % 29, 'b' || g from generate_series(201, 220) g;
insert into t.event select g, 1, 'eu', 2000 + g % 29, 'b' || g from generate_series(101, 190) g;
insert into t.detail select row_number() over (order by id), id, region, year from t.event where region <> 'old';
alter table t.event detach partition t.event_old;
END
trap_house '' ''
goes t.root 'id = 1' t.event 'root_id = 1' t.event_old 'root_id = 1' t.detail 'event_id in (select id from t.event where root_id = 1)'
trap_erased 'partitions of two levels, keys from and to them, and a detached sibling'

# ---- keys on one leaf alone ---------------------------------------------------------------------------------------------

trap_schema from_leaf <<'END'
create table t.item (id integer, part integer, root_id integer, primary key (id, part)) partition by list (part);
create table t.item_1 partition of t.item for values in (1);
create table t.item_2 partition of t.item for values in (2);
alter table t.item_2 add foreign key (root_id) references t.root on delete cascade;
create table t.other (id integer primary key, root_id integer references t.root);
insert into t.item select g, 1 + g % 2, 1 + g % 3 from generate_series(1, 60) g;
insert into t.other select g, 1 + g % 3 from generate_series(1, 9) g;
END
trap_house '' ''
goes t.root 'id = 1' t.item 'root_id = 1 and part = 2' t.other 'root_id = 1'
trap_erased 'a foreign key on one leaf: rows of the other leaf stay'

trap_schema from_leaf_foreign <<'END'
create table t.doc (id integer primary key, root_id integer references t.root);
create table t.item (id integer, part integer, root_id integer, doc_id integer references t.doc, primary key (id, part)) partition by list (part);
create table t.item_1 partition of t.item for values in (1);
create table t.item_2 partition of t.item for values in (2);
alter table t.item_2 add foreign key (root_id) references t.root;
insert into t.doc values (1, 1), (2, 2);
insert into t.item values (1, 1, 2, 1), (2, 1, 77, 1), (3, 2, 1, 1), (4, 2, 2, 2);
END
trap_house '' ''
goes t.root 'id = 1' t.doc 'id = 1' t.item 'doc_id = 1'
trap_erased 'a key on one leaf says nothing of whose the rows of the other leaf are'
sql "$TRAP" "update t.root set ended_at = now() - interval '3 days' where id = 2; insert into t.item values (5, 2, 3, 2)"
rm "$WORK/$TRAP.goes"
: >"$WORK/$TRAP.goes"
trap_refused 'but of its own it does' 'belong to a row of'

# ---- keys to one leaf alone ---------------------------------------------------------------------------------------------

trap_schema to_leaf <<'END'
create table t.item (id integer, part integer, root_id integer references t.root, nr integer, primary key (id, part)) partition by list (part);
create table t.item_1 partition of t.item for values in (1);
create table t.item_2 partition of t.item for values in (2);
create unique index on t.item_2 (nr);
create table t.label (id integer primary key, item_nr integer references t.item_2 (nr), tag_id integer);
create table t.mark (id integer primary key, item_nr integer references t.item_2 (nr) on delete set null);
create table t.sub (id integer primary key, label_id integer references t.label);
insert into t.item select g, 1 + g / 30, 1 + g % 3, g % 30 from generate_series(0, 59) g;
update t.item set nr = nr + 1 where part = 1; -- the same numbers, of other subjects, in the other leaf
insert into t.label select g, g from generate_series(0, 29) g;
insert into t.mark select g, g from generate_series(0, 29) g;
insert into t.sub select g, g from generate_series(0, 29) g;
END
trap_house '{ from = "t.mark(item_nr)"; to = "t.item(nr)"; action = "set_null"; }' ''
goes t.root 'id = 1' t.item 'root_id = 1' t.label 'item_nr in (select nr from t.item_2 where root_id = 1)' t.sub 'label_id in (select l.id from t.label l join t.item_2 i on i.nr = l.item_nr where i.root_id = 1)'
becomes t.mark 'select row(id, case when item_nr in (select nr from t.item_2 where root_id = 1) then null else item_nr end)::text from t.mark'
trap_erased 'a foreign key to one leaf follows the rows of that leaf alone'

trap_schema tree_in_leaf <<'END'
create table t.node (id integer, part integer, root_id integer references t.root, parent_id integer, primary key (id, part)) partition by list (part);
create table t.node_1 partition of t.node for values in (1);
create table t.node_2 partition of t.node for values in (2);
create unique index on t.node_2 (id);
alter table t.node_2 add foreign key (parent_id) references t.node_2 (id) on delete restrict;
insert into t.node select g, 2, case when g % 10 = 0 then 1 + g / 10 % 3 end, case when g % 10 <> 0 then g - 1 end from generate_series(0, 89) g;
insert into t.node select g, 1, 2, g - 1 from generate_series(0, 89) g;
END
trap_house '' ''
goes t.root 'id = 1' t.node 'part = 2 and (id / 10) % 3 = 0'
trap_erased 'a tree within one leaf'

# ---- classic inheritance ------------------------------------------------------------------------------------------------

inheritance_sql='create table t.log (id integer primary key, root_id integer references t.root, line text);
create table t.log_old (extra text) inherits (t.log);
create table t.log_older () inherits (t.log_old);
create table t.part (id integer primary key, log_id integer references t.log);
insert into t.log select g, 1 + g % 3, $$l$$ || g from generate_series(1, 9) g;
insert into t.log_old select g, 1 + g % 3, $$o$$ || g, $$x$$ from generate_series(1, 9) g;
insert into t.log_older select g, 1 + g % 3, $$p$$ || g, $$y$$ from generate_series(1, 9) g;
insert into t.part select g, g from generate_series(1, 9) g;'

trap_schema inherited <<<"$inheritance_sql"
trap_house '' ''
trap_refused 'children of classic inheritance that nothing covers' 't.*log_old'
TRAP_NOT_KEYS='{ columns = "t.log_old(root_id)"; why = "no key"; }, { columns = "t.log_older(root_id)"; why = "no key"; }' trap_house '' '"t.log_old", "t.log_older"'
sql "$TRAP" 'update expunge.disposal set next_attempt_at = null'
goes t.root 'id = 1' t.log 'root_id = 1' t.part 'log_id in (select id from only t.log where root_id = 1)'
trap_erased "a parent's keys do not follow to its children, which the configuration calls nobody's"

trap_schema inherited_edges <<<"$inheritance_sql
alter table t.log_older add primary key (id);"
trap_house '{ from = "t.log_old(root_id)"; to = "t.root(id)"; }, { from = "t.log_older(root_id)"; to = "t.root(id)"; }' ''
goes t.root 'id = 1' t.log 'root_id = 1' t.log_old 'root_id = 1' t.log_older 'root_id = 1' t.part 'log_id in (select id from only t.log where root_id = 1)'
trap_erased 'children of classic inheritance with edges of their own, one of them without a key'

trap_schema inheritance_elsewhere <<<"$inheritance_sql
create table t.doc (id integer primary key, root_id integer references t.root);
alter table t.log drop constraint log_root_id_fkey;
insert into t.doc select g, 1 + g % 3 from generate_series(1, 9) g;"
TRAP_NOT_KEYS='{ columns = "t.log(root_id)"; why = "no key"; }, { columns = "t.log_old(root_id)"; why = "no key"; }, { columns = "t.log_older(root_id)"; why = "no key"; }' trap_house '' '"t.log", "t.log_old", "t.log_older", "t.part"'
goes t.root 'id = 1' t.doc 'root_id = 1'
trap_erased 'inheritance that no subject reaches stops nothing'

done_testing
