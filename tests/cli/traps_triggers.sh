#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# traps_triggers.sh -- triggers, rules and row security: what objects is found before anything is changed.
. "$(dirname "$0")/../support/traps.sh"
cluster_shared

doc_sql="create table t.doc (id integer primary key, root_id integer references t.root);
create table t.page (id integer primary key, doc_id integer references t.doc on delete cascade);
create table t.note (id integer primary key, root_id integer references t.root);
insert into t.doc select g, 1 + g % 3 from generate_series(1, 30) g;
insert into t.page select g, 1 + g % 30 from generate_series(1, 90) g;
insert into t.note select g, 1 + g % 3 from generate_series(1, 30) g;"

doc_goes()
{
    goes t.root 'id = 1' t.doc 'root_id = 1' t.page 'doc_id % 3 = 0' t.note 'root_id = 1'
}

# ---- triggers that object -------------------------------------------------------------------------------------------------

trap_schema no_direct <<END
$doc_sql
create function t.only_by_cascade() returns trigger language plpgsql as \$\$
begin if pg_trigger_depth() < 2 then raise exception 'page % may not be deleted', old.id; end if; return old; end \$\$;
create trigger guard before delete on t.page for each row execute function t.only_by_cascade();
END
trap_house '' ''
trap_refused 'a trigger that refuses a direct delete but allows a cascade' 'tried out and rolled back' 13
expect_no_match 'what it says about a row is not told' out 'may not be deleted'
trap_checked 'a trigger that refuses' 'guard.*refuse|refuse.*guard'
sql "$TRAP" 'alter table t.page disable trigger guard; update expunge.disposal set next_attempt_at = null'
doc_goes
trap_erased 'the same, when the trigger is disabled'

trap_schema parent_first <<END
$doc_sql
create function t.parent_first() returns trigger language plpgsql as \$\$
begin if exists (select from t.doc d where d.id = old.doc_id) then raise exception 'delete the document'; end if; return old; end \$\$;
create trigger guard before delete on t.page for each row execute function t.parent_first();
END
trap_house '' ''
trap_refused 'a trigger that wants the parent to go first' 'tried out and rolled back' 13

trap_schema returns_null <<END
$doc_sql
create function t.keep() returns trigger language plpgsql as \$\$ begin if old.id = 3 then return null; end if; return old; end \$\$;
create trigger keeps before delete on t.doc for each row execute function t.keep();
END
trap_house '' ''
trap_refused 'a trigger that returns NULL' 'are still there' 13
trap_checked 'a trigger that may keep rows' 'keeps'

trap_schema leaf_trigger <<'END'
create table t.event (id integer, part integer, root_id integer references t.root, primary key (id, part)) partition by list (part);
create table t.event_1 partition of t.event for values in (1);
create table t.event_2 partition of t.event for values in (2);
create table t.note (id integer primary key, root_id integer references t.root);
insert into t.event select g, 1 + g % 2, 1 + g % 3 from generate_series(1, 30) g;
insert into t.note select g, 1 + g % 3 from generate_series(1, 30) g;
create function t.append_only() returns trigger language plpgsql as $$ begin raise exception 'append only'; end $$;
create trigger append_only before delete on t.event_2 for each row execute function t.append_only();
END
trap_house '' ''
trap_refused 'a trigger on one partition alone' 'tried out and rolled back' 13
trap_checked 'a trigger on one partition alone' 'append_only'

trap_schema refuses_null <<END
$doc_sql
create table t.audit (id integer primary key, root_id integer references t.root on delete set null);
insert into t.audit select g, 1 + g % 3 from generate_series(1, 30) g;
create function t.append_only() returns trigger language plpgsql as \$\$ begin raise exception 'append only'; end \$\$;
create trigger append_only before update on t.audit for each row execute function t.append_only();
END
trap_house '{ from = "t.audit(root_id)"; to = "t.root(id)"; action = "set_null"; }' ''
trap_refused 'an append-only trigger that refuses the UPDATE of SET NULL' 'tried out and rolled back' 13

trap_schema own_failure <<END
$doc_sql
update t.root set ended_at = now() - interval '3 days' where id = 2;
create function t.keep() returns trigger language plpgsql as \$\$ begin if old.root_id = 1 then raise exception 'no'; end if; return old; end \$\$;
create trigger keeps before delete on t.doc for each row execute function t.keep();
END
trap_house '' ''
goes t.root 'id = 2' t.doc 'root_id = 2' t.page 'doc_id % 3 = 1' t.note 'root_id = 2'
trap_digests "$TRAP" foretold >"$WORK/foretold"
expect_status 'a failure is one disposal of two' 11 x run
expect_equal 'the other one is erased, and the first untouched' "$(cat "$WORK/foretold")" "$(trap_digests "$TRAP" now)"

# ---- triggers that write elsewhere ----------------------------------------------------------------------------------------

audit_sql="$doc_sql
create table t.trail (id integer generated always as identity primary key, root_id integer, what text);
create function t.write_trail() returns trigger language plpgsql as \$\$
begin insert into t.trail (root_id, what) values (old.root_id, tg_table_name); return old; end \$\$;
create trigger trail after delete on t.doc for each row execute function t.write_trail();
create trigger trail before delete on t.note for each row execute function t.write_trail();
create function t.write_root() returns trigger language plpgsql as \$\$
begin insert into t.trail (root_id, what) values (old.id, 'root'); return old; end \$\$;
create trigger trail after delete on t.root for each row execute function t.write_root();
insert into t.trail (root_id, what) values (1, 'before'), (2, 'before');"

trap_schema trail_in_scope <<<"$audit_sql"
trap_house '{ from = "t.trail(root_id)"; to = "t.root(id)"; }' ''
trap_checked 'a trigger that writes elsewhere' 'trail.*t\.trail'
doc_goes
goes t.trail 'root_id = 1'
trap_erased 'triggers that write into a table of the scope, the root'"'"'s too'

trap_schema trail_outside <<<"$audit_sql"
TRAP_NOT_KEYS='{ columns = "t.trail(root_id)"; why = "no key"; }' trap_house '' '"t.trail"'
# the rehearsal moves the sequence: rows are compared without their ids
doc_goes
becomes t.trail "select row(root_id, what)::text from t.trail union all select row(1, what)::text from
    (select 'note' as what from t.note where root_id = 1 union all select 'doc' from t.doc where root_id = 1 union all select 'root') w"
trap_digests "$TRAP" foretold >"$WORK/foretold"
expect_status 'triggers that write into a table outside' 0 x run
sql "$TRAP" 'alter table t.trail drop column id'
expect_equal 'write once for each row that went, and not for the rehearsal' "$(cat "$WORK/foretold")" "$(trap_digests "$TRAP" now)"

# ---- triggers that wait for COMMIT ----------------------------------------------------------------------------------------

trap_schema deferred <<END
$doc_sql
create function t.has_pages() returns trigger language plpgsql as \$\$
begin
    if exists (select from t.doc d where d.id = old.doc_id) and not exists (select from t.page p where p.doc_id = old.doc_id) then
        raise exception 'a document without a page';
    end if;
    return null;
end \$\$;
create constraint trigger has_pages after delete on t.page deferrable initially deferred for each row execute function t.has_pages();
END
trap_house '' ''
trap_checked 'a trigger that waits for COMMIT' 'has_pages.*COMMIT'
doc_goes
trap_erased 'a trigger that is deferred to COMMIT'

trap_schema deferred_refuses <<END
$doc_sql
create function t.refuse() returns trigger language plpgsql as \$\$ begin raise exception 'never'; end \$\$;
create constraint trigger refuses after delete on t.note deferrable initially deferred for each row execute function t.refuse();
END
trap_house '' ''
trap_refused 'a trigger that refuses at COMMIT' 'tried out and rolled back' 13

# ---- the application's search_path ----------------------------------------------------------------------------------------

path_sql="$doc_sql
create function t.count_docs() returns trigger language plpgsql as \$\$ begin perform count(*) from doc; return old; end \$\$;
create trigger counts after delete on t.page for each row execute function t.count_docs();"
trap_schema search_path <<<"$path_sql"
sql "$TRAP" "alter database \"$(database_name "$TRAP")\" set search_path = t, public"
trap_house '' ''
doc_goes
trap_erased "a trigger that needs the database's search_path"
trap_schema no_search_path <<<"$path_sql"
trap_house '' ''
trap_refused 'a trigger that needs a search_path which the worker does not have' 'tried out and rolled back' 13

# ---- rules and row security -----------------------------------------------------------------------------------------------

trap_schema rule_nothing <<END
$doc_sql
create rule nothing as on delete to t.note do instead nothing;
END
trap_house '' ''
trap_refused 'a rule DO INSTEAD NOTHING' 'has a rule'
trap_checked 'a rule DO INSTEAD NOTHING' 'has a rule'

trap_schema rule_insert <<END
$doc_sql
create rule also as on insert to t.note do also select 1;
create rule nothing as on update to t.doc do instead nothing;
END
trap_house '' ''
doc_goes
trap_erased 'rules on INSERT, and on UPDATE of a table that is not updated, matter not'

trap_schema row_security <<END
$doc_sql
create policy mine on t.note using (id % 2 = 0);
alter table t.note enable row level security;
END
role=traps_$$
sql /postgres "create role $role login"
at_end "sql /postgres 'drop owned by $role; drop role $role' >/dev/null 2>&1"
trap_house '' ''
sql "$TRAP" "grant expunge_worker to $role; grant usage on schema t to $role; grant all on all tables in schema t to $role"
sed -i "s/user=postgres/user=$role/" "$CONF"
trap_refused 'rows hidden by row security' 'row-level security' 12
trap_checked 'rows hidden by row security' 'row security would hide'
sql /postgres "alter role $role bypassrls"
sql "$TRAP" 'update expunge.disposal set next_attempt_at = null'
doc_goes
trap_erased 'row security that the role bypasses'
sql "$TRAP" "drop owned by $role"

# ---- what a move would lose -----------------------------------------------------------------------------------------------

trap_schema vanishes <<'END'
create table t.bill (id integer primary key, at timestamptz not null);
create table t.line (id integer primary key, bill_id integer references t.bill);
insert into t.bill select g, now() - g * interval '1 day' from generate_series(1, 9) g;
insert into t.line select g, g from generate_series(1, 9) g;
create function t.last_line() returns trigger language plpgsql as $$
begin delete from t.bill b where b.id = old.bill_id and not exists (select from t.line l where l.bill_id = b.id); return null; end $$;
create trigger last_line after delete on t.line for each row execute function t.last_line();
END
trap_house '' ''
sed -i 's/^subjects = .*/policies = ( { name = "bills"; class = "b"; table = "t.bill"; age = "at"; keep_for = "5 days"; grace = "9 days"; purpose = "p"; basis = "b"; } );/; s/^global_tables.*/global_tables = [ "t.root" ];/' "$CONF"
trap_digests "$TRAP" now >"$WORK/before"
run x run
expect_equal 'rows that a trigger takes away before they are archived do not go' "$(cat "$WORK/before")" "$(trap_digests "$TRAP" now)"
expect_match 'and it is said why' out 'a trigger took them'

done_testing
