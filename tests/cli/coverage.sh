#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# coverage.sh -- fail closed: tables and edges that nobody classified, columns that look like a subject's key, a schema that
# changed since it was accepted, another subject's row.  Each stops the disposal before anything has begun, names what and
# where, and prints lines that settle it: they are pasted here, and the disposal goes through.
# And what a migration does to a disposal under way, and a database that is down to the others.
# shellcheck source=tests/support/cli.sh
. "$(dirname "$0")/../support/cli.sh"
cluster_shared

ENDED=11111111-1111-4111-8111-111111111111
OTHER=22222222-2222-4222-8222-222222222222

# One workspace that ended (ENDED), one that did not (OTHER), and 300 more: documents of each, and a table of nobody's.
load_desk() # CONNINFO
{
    psql -qX -v ON_ERROR_STOP=1 -v ended="$ENDED" -v other="$OTHER" -d "$1" <<'END'
create schema app;
create table app.workspace (id uuid primary key, name text, ended_at timestamptz);
create table app.document (id bigint primary key, workspace_id uuid not null references app.workspace, title text);
create index on app.document (workspace_id);
create table app.visit (id bigint primary key, at timestamptz not null);
create index on app.visit (at, id);
create table app.country (code text primary key);
insert into app.workspace values (:'ended', 'Secret one', now() - interval '3 days'), (:'other', 'Secret two', null);
insert into app.workspace select gen_random_uuid(), 'Secret ' || g, null from generate_series(1, 300) g;
insert into app.document select g, case when g <= 5 then :'ended'::uuid else :'other'::uuid end, 'Secret title' from generate_series(1, 10) g;
END
}

desk_house() # NAME DATABASE
{
    new_house "$1"
    cat >"$CONF" <<END
worker = { state_dir = "$STATE"; master_key = "file:$WORK/$1/master.key"; pace = { duty = 1.0; }; };
databases = ( { name = "db"; conninfo = "$(conninfo "$2")"; } );
policies = (
  { name = "visits"; class = "visits"; table = "app.visit"; age = "at"; keep_for = "30 days"; purpose = "count"; basis = "interest"; }
);
subjects = ( { kind = "workspace"; root = "app.workspace"; key = "id"; ended_at = "ended_at"; grace = "1 day";
  edges = (
    { from = "app.document(workspace_id)"; to = "app.workspace(id)"; }
  );
  not_keys = (
    { columns = "app.workspace(name)"; why = "what it is called"; }
  ); } );
stores = ( { name = "s"; kind = "directory"; role = "snapshots"; path = "$WORK/$1/snapshots"; } );
global_tables = [
  "app.country"
];
safety = { max_share = 1.0; };
end = true;
END
}

template expunge_counter load_desk
scenes=0
desk() # → a fresh database "desk", and a house
{
    scenes=$((scenes + 1))
    database desk expunge_counter
    desk_house "desk$scenes" desk
    x init >"$WORK/init" 2>&1 || die "init: $(cat "$WORK/init")"
}
settle_lines() # of the last run's JSON
{
    json out "select distinct l from doc, jsonb_array_elements(j -> 'disposals') as d, jsonb_array_elements_text(d -> 'settle') as l order by 1"
}
paste() # REGEX...: the settle lines of the last run that match, each into the list that its comment names
{
    local regex line list
    settle_lines >"$WORK/lines"
    for regex in "$@"; do
        line=$(grep -E -m 1 -e "$regex" "$WORK/lines") || { not_ok "a line to paste matches $regex" "$(cat "$WORK/lines"; last_run)"; continue; }
        list=$(sed -E 's/.*   # in ([a-z_]+).*/\1/' <<<"$line")
        LINE=${line%   # in *} LIST=$list awk '{ print } index($0, ENVIRON["LIST"] " = ") && !done { print "    " ENVIRON["LINE"] ","; done = 1 }' "$CONF" >"$CONF.new" && mv "$CONF.new" "$CONF"
    done
}
left() # workspaces and documents of the one that ended
{
    sql desk "select (select count(*) from app.workspace where id = '$ENDED') || ' ' || (select count(*) from app.document where workspace_id = '$ENDED')"
}
finding() # WHERE-REGEX: severity and code of check's finding there
{
    json out "select concat_ws(' ', f ->> 'severity', f ->> 'code') from doc, jsonb_array_elements(j -> 'findings') as f where f ->> 'where' ~ '$1'"
}

# ---- a clean schema ---------------------------------------------------------------------------------------------------

desk
expect_status 'nothing stands against a schema that is covered' 0 x check --json
expect_equal 'and no error is among the findings' 0 "$(json out "select j ->> 'errors' from doc")"

# ---- unclassified tables: of every kind, in every schema ------------------------------------------------------------------

sql desk 'create schema "Other Room"; create table app.plain (id int primary key, made_at timestamptz not null);
    create table app.parts (id int, k int) partition by range (k); create table app.parts_1 partition of app.parts for values from (0) to (9);
    create unlogged table app.quick (id int); create table "Other Room"."Ding" (id int);
    create table app.member_note (id int, workspace_id uuid);
    create foreign data wrapper nowhere; create server nowhere foreign data wrapper nowhere; create foreign table app.far (id int) server nowhere'
app_fingerprint desk >"$WORK/before"
expect_status 'tables that nobody classified stop the subject' 11 x run --json
for table in '"app"."plain"' '"app"."parts"' '"app"."quick"' '"Other Room"."Ding"' '"app"."far"' '"app"."member_note"'; do
    expect_true "$table is named" grep -qF "${table//\"/\\\"}" "$OUT"
done
expect_true 'a partition is not: its parent stands for it' bash -c "! grep -q parts_1 '$OUT'"
expect_equal 'nothing was archived, nothing erased' '1 5 0' "$(left) $(sql desk 'select count(*) from expunge.disposal')"
paste '^\{ name = "plain"; .*# in policies' '"app.parts" .*global_tables' '"app.quick"' 'Other Room.*Ding' '"app.far"' '^\{ from = "app.member_note\(workspace_id\)"'
expect_status 'with the lines that were printed, a policy, an edge and four global tables, it goes through' 0 x run --json
expect_equal 'and the workspace is gone' '0 0' "$(left)"
expect_status 'and what a foreign table holds is never in a scope' 0 x verify

# ---- tables that hang on others, and no FOREIGN KEY says so -----------------------------------------------------------------

below() # rows of the tables below that are left
{
    sql desk "select concat_ws(' ', (select count(*) from app.note), (select count(*) from app.remark), (select count(*) from app.mark), (select count(*) from app.attached))"
}
desk
sql desk "create table app.note (id bigint primary key, document_id bigint not null, country_id text); insert into app.note select g, g from generate_series(1, 10) g;
    create table app.remark (id bigint primary key, \"parentNoteId\" text); insert into app.remark select g, g from generate_series(1, 10) g;
    create table app.mark (id bigint primary key, remark_id bigint references app.remark); create table app.aside (id bigint primary key, remark_id bigint references app.remark on delete set null); insert into app.mark select g, g from generate_series(1, 10) g;
    create table app.roll (id bigint primary key, workspace_ids uuid[]); insert into app.roll values (1, array['$ENDED', '$OTHER']::uuid[]);
    create table app.attached (id bigint primary key, owner_type text, owner_id uuid); insert into app.attached values (1, 'workspace', '$ENDED'), (2, 'other', '$ENDED'), (3, 'workspace', '$OTHER')"
expect_status 'tables below that nobody classified stop the subject' 11 x run --json
settle_lines >"$WORK/lines"
expect_match 'a table whose foreign key leads to another one of them wants nothing of its own' "$WORK/lines" '^# nothing, if its rows go with those of app.remark: a foreign key sees to that'
expect_equal 'one whose foreign key leaves the rows behind is not told so' '"app.aside"' "$(grep -F app.aside "$WORK/lines" | sed 's/   # .*//')"
expect_no_match 'no edge leads to a table of nobody: "country_id" is told of no subject' "$WORK/lines" 'app.country'
paste '^\{ from = "app.note\(document_id\)"; to = "app.document\(id\)"; \}   # in edges of subject "workspace"' \
    '^\{ from = "app.remark\(.*parentNoteId.*\)"; to = "app.note\(id\)"; \}   # in edges of subject "workspace"' \
    '"app.aside" .*global_tables' \
    '^\{ from = "app.roll\(workspace_ids\)"; to = "app.workspace\(id\)"; match = "element"; action = "remove_element"; \}' \
    '^\{ from = "app.attached\(owner_id\)"; to = "app.workspace\(id\)"; where = "owner_type = .….";'
sed -i 's/…/workspace/' "$CONF"
expect_status 'with the lines that were printed it goes through' 0 x run --json
expect_equal 'and exactly the rows below went, at every level' '0 0 5 5 5 2' "$(left) $(below)"
expect_equal 'and the key out of the list' "{$OTHER}" "$(sql desk 'select workspace_ids from app.roll')"

desk
sql desk 'create table app.note (id bigint primary key, document_id bigint not null)'
sed -i 's/  "app.country"/  "app.country", "app.note"/' "$CONF"
run x check --json
expect_equal 'a table that is said to be nobody'\''s, and holds keys of documents, is warned of' 'warning' "$(finding '^app.note.document_id$')"
expect_json 'with both ways out' t out "select f ->> 'remedy' ~ 'columns = .app.note.document_id.*\n\{ from = .app.note.document_id.*; to = .app.document.id.*taken out of global_tables' from doc, jsonb_array_elements(j -> 'findings') f where f ->> 'where' = 'app.note.document_id'"
sed -i 's/  not_keys = (/&\n    { columns = "app.note(document_id)"; why = "numbers of paper documents"; },/' "$CONF"
run x check --json
expect_equal 'and not once the configuration says what it is' '' "$(finding '^app.note.document_id$')"

# ---- members of json, where numbers alone tell nothing ------------------------------------------------------------------------

desk
sql desk "create table app.client (id bigint primary key, ended_at timestamptz); insert into app.client select g, case g when 3 then now() - interval '3 days' end from generate_series(1, 50) g;
    create table app.journal (id bigint primary key, payload jsonb); insert into app.journal select g, jsonb_build_object('client_id', g, 'size', g) from generate_series(1, 50) g"
sed -i -e 's/kind = "workspace"; root = "app.workspace"/kind = "client"; root = "app.client"/' -e '/from = "app.document/d' -e '/columns = "app.workspace/d' "$CONF"
expect_status 'a table that nobody classified, with keys of clients in its json' 11 x check --json
expect_equal 'check tells of the member before anybody calls the table nobody'\''s' 'error rail' "$(finding '^app.journal.payload ->> client_id$')"
sed -i 's/  "app.country"/  "app.country", "app.workspace", "app.document", "app.journal"/' "$CONF"
expect_status 'and a table that is said to be nobody'\''s stops the client' 11 x run --json
expect_equal 'nothing has gone' '50 50' "$(sql desk 'select (select count(*) from app.client), (select count(*) from app.journal)' | tr '|' ' ')"
sed -i 's/, "app.journal"//' "$CONF"
run x check --json
sed -i 's/  edges = (/&\n    { from = "app.journal(payload)"; to = "app.client(id)"; expression = "payload ->> '\''client_id'\''"; }/' "$CONF"
expect_json 'the line that check prints is this one' t out "select bool_or(f ->> 'remedy' like '{ from = \"app.journal(payload)\"; to = \"app.client(id)\"; expression = \"payload ->> ''client_id''\"; }%') from doc, jsonb_array_elements(j -> 'findings') f"
expect_status 'with it, it goes through' 0 x run --json
expect_equal 'with the rows whose json names it' '49 49' "$(sql desk 'select (select count(*) from app.client), (select count(*) from app.journal)' | tr '|' ' ')"

# ---- columns: by name and type ------------------------------------------------------------------------------------------

desk
while IFS='|' read -r column type; do
    sql desk "alter table app.document add $column $type"
    run x check --json
    expect_equal "$column $type looks like the key" 'error rail' "$(finding "^app.document.${column//\"/}\$")"
    sql desk "alter table app.document drop $column"
done <<'END'
owner_workspace|uuid
workspaceid|uuid
"workspaceId"|uuid
"WorkspaceID"|text
workspace_uuid|varchar(36)
workspace|uuid
workspaces_id|uuid
workspace_ids|uuid[]
workspace_id_old|uuid
fk_workspace_id|uuid
END
while IFS='|' read -r column type; do
    sql desk "alter table app.document add $column $type"
    run x check --json
    expect_equal "$column $type is no finding" '0 0' "$STATUS $(json out "select j ->> 'errors' from doc")"
    sql desk "alter table app.document drop $column"
done <<'END'
workspace_id2|integer
workspace_number|date
workspace|boolean
workspace|text
workspace_name|text
workspace_settings|jsonb
coworkspacer_id|uuid
request_id|uuid
END

desk
sql desk 'alter table app.workspace rename id to "Id"; create table app.page ("Id" uuid primary key)'
sed -i 's/app.workspace(id)/app.workspace(\\"Id\\")/; s/key = "id"/key = "\\"Id\\""/; s/"app.country"/"app.country", "app.page"/' "$CONF"
run x check --json
expect_equal 'any table may call its key Id' '0 0' "$STATUS $(json out "select j ->> 'errors' from doc")"
sql desk 'alter table app.workspace rename "Id" to kdnr; alter table app.page rename "Id" to kdnr'
sed -i 's/\\"Id\\"/kdnr/g' "$CONF"
run x check --json
expect_equal 'not so with a name of the subject alone' 'error rail' "$(finding '^app.page.kdnr$')"

# ---- columns: by values ---------------------------------------------------------------------------------------------------

desk
while IFS='|' read -r column type value; do
    sql desk "alter table app.document add $column $type; update app.document set $column = $value where id = 3"
    run x check --json
    expect_equal "$column $type with a key in one row holds keys" 'error rail' "$(finding "^app.document.$column")"
    expect_match "and how many is told ($column $type)" out '1 of 1 values in a sample'
    expect_true "and no value is ($column $type)" bash -c "! grep -q '$OTHER' '$OUT' '$ERR'"
    sql desk "alter table app.document drop $column"
done <<END
tenant|uuid|'$OTHER'
tenant|text|'$OTHER'
tenant|text|upper('$OTHER')
tenants|uuid[]|array['$OTHER'::uuid]
tenants|text[]|array['$OTHER']
payload|jsonb|'{"workspace_id": "$OTHER"}'
payload|json|'{"workspaceId": "$OTHER"}'
END
sql desk "alter table app.document add request uuid; update app.document set request = gen_random_uuid(); alter table app.document add payload jsonb;
    update app.document set payload = '{\"workspace_id\": \"none\", \"seen\": \"$OTHER\"}'; alter table app.document add junk text; update app.document set junk = repeat('x', 100000) || id"
expect_status 'uuids that are no keys, texts that are none, and members that are called otherwise are no finding' 0 x check --json
sql desk "alter table app.document drop request, drop payload, drop junk; alter table app.country add tenant uuid; insert into app.country values ('XX', '$ENDED')"
app_fingerprint desk >"$WORK/before"
expect_status 'a global table that holds keys stops the subject' 11 x run --json
expect_match 'table and column are named' out 'app.country.tenant holds keys of a workspace'
expect_equal 'before anything has begun' '1 5 0' "$(left) $(sql desk 'select count(*) from expunge.disposal')"
run x plan
expect_match 'a plan says so, with the line that settles it' out '→ \{ columns = "app.country\(tenant\)"; why = '
run x run --json
paste '^\{ columns = "app.country\(tenant\)"'
expect_status 'not_keys settles it' 0 x run --json
expect_equal 'and the workspace is gone' '0 0' "$(left)"

desk
sql desk "create table app.log (id bigint primary key, tenant uuid); insert into app.log values (1, '$ENDED'), (2, '$OTHER')"
sed -i 's/"app.country"/"app.country", "app.log"/' "$CONF"
sed -i 's/, "app.log"//; s/^policies = (/policies = (\n  { name = "logs"; class = "l"; table = "app.log"; age = "now()"; keep_for = "1 year"; purpose = "p"; basis = "b"; },/' "$CONF"
expect_status 'a table with a policy alone that holds keys stops the subject' 11 x run --json
paste '^\{ from = "app.log\(tenant\)"'
expect_status 'the edge that was printed settles it' 0 x run --json
expect_equal 'and its row went along, the other stays' '0 0 1' "$(left) $(sql desk 'select count(*) from app.log')"

# numbers are equal by chance unless keys are rare; so are short texts unless most of them match
database desk expunge_counter
sql desk "drop table app.document; alter table app.workspace drop id; alter table app.workspace add id bigint generated always as identity primary key;
    create table app.document (id bigint primary key, pages integer, cart_id integer, ref bigint); insert into app.document select g, g, g, g from generate_series(1, 100) g; analyze"
desk_house dense desk
sed -i 's/{ from = "app.document(workspace_id)".*//' "$CONF"
sed -i 's/"app.country"/"app.country", "app.document"/' "$CONF"
run x init
expect_status 'small numbers are no keys' 0 x check --json
sql desk "update app.document set id = id * 1000; alter table app.workspace alter id set generated by default; update app.workspace set id = 700000000000 + id * 7919;
    update app.document set ref = 700000000000 + (id / 1000) * 7919; analyze"
run x check --json
expect_equal 'numbers that are rare are keys' 'error rail' "$(finding 'app.document.ref')"
small who
small_house who who
run x init
sql who "alter table app.page add who text; update app.page p set who = (select customer_id from app.document d where d.id = p.document_id)"
run x check --json
expect_equal 'texts, most of which are keys, are keys' 'error rail' "$(finding 'app.page.who')"
sql who "update app.page set who = case when document_id = 1 then 'k1' else 'x' || document_id end"
expect_status 'one of many is chance' 0 x check --json

# ---- names that must be quoted ------------------------------------------------------------------------------------------

desk
sql desk "create schema \"Räume \"\"1\"\"\"; create table \"Räume \"\"1\"\"\".\"Zu ord\\nung\" (id int primary key, \"Workspace Id\" uuid); insert into \"Räume \"\"1\"\"\".\"Zu ord\\nung\" values (1, '$ENDED')"
expect_status 'a table and a column with quoted names stop it' 11 x run --json
paste '^\{ from = .*Zu ord'
expect_status 'and the line that was printed is read as it was meant' 0 x run --json
expect_equal 'its row went along' 0 "$(sql desk "select count(*) from \"Räume \"\"1\"\"\".\"Zu ord\\nung\"")"

# ---- wrong not_keys -------------------------------------------------------------------------------------------------------

cp "$CONF" "$WORK/good.conf"
wrong() # NAME SED REGEX
{
    sed "$2" "$WORK/good.conf" >"$CONF"
    expect_status "$1" 78 x run
    expect_match "$1: it says so" err "$3"
}
wrong 'not_keys with a table that is not there' 's/"app.workspace(name)"/"app.workspaec(name)"/' 'no table "app.workspaec".*did you mean "app.workspace"'
wrong 'not_keys with a column that is not there' 's/"app.workspace(name)"/"app.workspace(naem)"/' 'has no column "naem"; did you mean "name"'
wrong 'not_keys without a reason' 's/ why = "what it is called";//' 'why: is missing'
wrong 'not_keys against an edge' 's/"app.workspace(name)"/"app.document(workspace_id)"/' 'not_keys: column "workspace_id" of "app.document" is part of the edge in line'
wrong 'not_keys without columns' 's/"app.workspace(name)"/"app.workspace"/' 'names no columns'

# ---- drift: one by one, what was and what is ---------------------------------------------------------------------------

desk
sql desk "create table app.gone (id int); create function app.f() returns trigger language plpgsql as 'begin return new; end';
    create trigger watch before insert on app.document for each row execute function app.f(); alter table app.document add old_one int, add kind int default 1"
sed -i 's/"app.country"/"app.country", "app.gone", "app.fresh"/' "$CONF"
expect_status 'the scope is accepted' 0 x check --accept
expect_status 'nothing has changed' 0 x check
sql desk "drop table app.gone; create table app.fresh (id int primary key); alter table app.document drop old_one, add note text, alter title type varchar(200), alter kind set not null, add unique (id, kind) ;
    create table app.link (document_id bigint references app.document on delete cascade); create trigger more after delete on app.document for each row execute function app.f();
    create or replace function app.f() returns trigger language plpgsql as 'begin return null; end'; create rule r as on insert to app.visit do also nothing; alter table app.visit enable row level security" 2>"$WORK/drift.err" || cat "$WORK/drift.err"
expect_status 'a schema that changed stops the subject' 11 x run --json
expect_match 'the run names it' out 'has changed since .*check --accept'
run x check --json
changes=$(json out "select f ->> 'what' from doc, jsonb_array_elements(j -> 'findings') as f where f ->> 'where' = 'schema'")
while read -r change; do
    expect_true "drift: $change" grep -qE -- ": $change" <<<"$changes"
done <<'END'
gone: table "app"\."gone" ordinary$
new: table "app"\."fresh" ordinary$
gone: column "app"\."document"\."old_one" integer$
new: column "app"\."document"\."note" text$
changed: column "app"\."document"\."title" was text, is character varying\(200\)$
changed: column "app"\."document"\."kind" was integer, is integer not null$
new: key "app"\."document" \("id", "kind"\) unique$
new: edge "app"\."link" \("document_id"\) → "app"\."document" \("id"\) delete$
new: trigger "app"\."document" "more" CREATE TRIGGER more AFTER DELETE
changed: trigger "app"\."document" "watch" was CREATE TRIGGER .* body [0-9a-f]{12}, is CREATE
new: rule "app"\."visit" "r" CREATE RULE
changed: table "app"\."visit" was ordinary, is ordinary, row security$
END
expect_true 'the parts of a table that came are told with it' bash -c "! grep -q 'column \"app\".\"fresh\"' <<<'$changes'"
expect_equal 'nothing was archived, nothing erased' '1 5 0' "$(left) $(sql desk 'select count(*) from expunge.disposal')"

# ---- another subject's row ----------------------------------------------------------------------------------------------

foreign_desk()
{
    desk
    sql desk "create table app.share (id bigint primary key, document_id bigint references app.document, workspace_id uuid references app.workspace);
        create index on app.share (document_id); create index on app.share (workspace_id);
        insert into app.share values (1, 1, '$OTHER'), (2, 1, '$ENDED'), (3, 7, '$OTHER')"
}
foreign_desk
app_fingerprint desk >"$WORK/before"
expect_status 'a row that belongs to another subject stops it' 11 x run --json
expect_match 'table, count and edge are named' out '1 row\(s\) of .{1,3}app.{5}share.{1,3} would go, but by .{1,3}share_workspace_id_fkey.{1,3} they belong to a row of .{1,3}app.{5}workspace'
expect_equal 'nothing was changed' '1 5 3' "$(left) $(sql desk 'select count(*) from app.share')"
paste 'from = "app.share\(workspace_id\)".*action = "delete"'
sql desk 'update expunge.disposal set next_attempt_at = null'
expect_status 'told to let it go' 0 x run --json
expect_equal 'it goes' '0 0 1' "$(left) $(sql desk 'select count(*) from app.share')"
foreign_desk
run x run --json
paste 'from = "app.share\(document_id\)".*action = "set_null"'
sql desk 'update expunge.disposal set next_attempt_at = null'
expect_status 'told to let it stay' 0 x run --json
expect_equal 'it stays, without the document' '0 0 2 1' "$(left) $(sql desk 'select count(*) from app.share') $(sql desk 'select count(*) from app.share where document_id is null')"

# ---- an edge whose action cannot happen ------------------------------------------------------------------------------------

desk
sql desk "create table app.seat (id bigint primary key, document_id bigint not null references app.document on delete set null); create index on app.seat (document_id);
    insert into app.seat select id, id from app.document"
expect_status 'a foreign key that would set a NOT NULL column to NULL stops it' 11 x run --json
expect_equal 'before anything has begun' '1 5 0' "$(left) $(sql desk 'select count(*) from expunge.disposal')"
run x check
expect_match 'check prints the line that settles it' out '→ \{ from = "app.seat\(document_id\)"; to = "app.document\(id\)"; action = "delete"; \}'
run x run --json
paste 'from = "app.seat\(document_id\)".*action = "delete"'
expect_status 'which does' 0 x run --json
expect_equal 'and its rows went along' '0 0 5' "$(left) $(sql desk 'select count(*) from app.seat')"

# ---- a migration while a disposal is under way -------------------------------------------------------------------------------

grown() # a table of documents' notes, for every document
{
    sql desk "create table app.a_note (id bigint generated always as identity primary key, document_id bigint not null references app.document);
        create index on app.a_note (document_id); insert into app.a_note (document_id) select id from app.document"
}
desk
sed -i 's/grace = "1 day"/grace = "30 days"/' "$CONF"
expect_status 'a subject in its grace period is archived' 0 x run
run x check --accept
before=$(sql desk "select string_agg(number || table_name, ',' order by number) from expunge.disposal_table")
grown
sql desk "update expunge.disposal set erase_after = now() - interval '1 minute'"
expect_status 'a table that came meanwhile stops it' 11 x run
run x check --accept
expect_status 'once it is accepted, the erasure goes on' 0 x run --json
expect_equal 'with the rows of the new table' '0 0 5' "$(left) $(sql desk 'select count(*) from app.a_note')"
expect_equal 'and what stood written keeps its number' "$before,3a_note" "$(sql desk "select string_agg(number || table_name, ',' order by number) from expunge.disposal_table")"
expect_status 'and all of it verifies' 0 x verify

desk
run x check --accept
EXPUNGE_FAULT=erase.committed run "$EXPUNGE_FAULTY" --config "$CONF" run
state=$(sql desk 'select state from expunge.disposal')
expect_equal 'killed in the middle of its erasure' erasing "$state"
sql desk "insert into app.document select g, '$ENDED', 'late' from generate_series(1, 5) g on conflict do nothing"
grown
run x check --accept
expect_status 'a table that came while it was erased is taken along' 0 x run --json
expect_equal 'to the end' '0 0 5' "$(left) $(sql desk 'select count(*) from app.a_note')"
expect_status 'and it verifies' 0 x verify

# a policy's move that was interrupted, with one table more when it goes on
desk
sql desk "create table app.batch (id bigint primary key, at timestamptz not null); create table app.item (id bigint primary key, batch_id bigint not null references app.batch);
    create index on app.batch (at, id); create index on app.item (batch_id);
    insert into app.batch select g, now() - interval '90 days' from generate_series(1, 3000) g; insert into app.item select g, 1 + g % 3000 from generate_series(1, 6000) g; analyze"
sed -i 's/^policies = (/policies = (\n  { name = "batches"; class = "b"; table = "app.batch"; age = "at"; keep_for = "30 days"; grace = "7 days"; purpose = "p"; basis = "b"; },/' "$CONF"
EXPUNGE_FAULT=roots.committed run "$EXPUNGE_FAULTY" --config "$CONF" run --policy batches
expect_equal 'a move that was killed has moved some' t "$(sql desk 'select count(*) between 1 and 2999 from app.batch')"
sql desk "create table app.a_mark (id bigint primary key, batch_id bigint not null references app.batch); create index on app.a_mark (batch_id); insert into app.a_mark select id, id from app.batch order by id desc limit 100"
expect_status 'it goes on with the table that came' 0 x run --policy batches --json
expect_equal 'everything is moved' '0 0 0' "$(sql desk 'select (select count(*) from app.batch) || $$ $$ || (select count(*) from app.item) || $$ $$ || (select count(*) from app.a_mark)')"
expect_equal 'and in the snapshot' 'a_mark 100,batch 3000,item 6000' "$(sql desk "select string_agg(table_name || ' ' || rows_archived, ',' order by table_name) from expunge.disposal_table t join expunge.disposal d on d.id = t.disposal where d.name = 'batches'")"
expect_status 'which verifies' 0 x verify

# ---- what an edge or a foreign key says of a column ------------------------------------------------------------------------

desk
sql desk "create table app.ref_a (id bigint primary key, ref uuid references app.workspace); create index on app.ref_a (ref);
    create table app.town (id uuid primary key); create table app.ref_b (id bigint primary key, workspace_id uuid references app.workspace, ref uuid references app.town);
    create index on app.ref_b (workspace_id); insert into app.town values (gen_random_uuid())"
sed -i 's/"app.country"/"app.country", "app.town"/' "$CONF"
expect_status 'a foreign key to another table: no key of a workspace, whatever the column is called' 0 x run --json
expect_equal 'which goes' '0 0' "$(left)"

desk
sql desk "create table app.event (id bigint primary key, owner_type text, owner_id uuid, payload jsonb, members uuid[]); create table app.bill (id bigint primary key, workspace_id uuid);
    create index on app.event (owner_id); insert into app.event values (1, 'workspace', '$ENDED', jsonb_build_object('workspace_id', '$ENDED'::text), array['$ENDED', '$OTHER']::uuid[]);
    insert into app.bill values (1, '$ENDED')"
sed -i 's/^  edges = (/  edges = (\n    { from = "app.event(owner_id)"; to = "app.workspace(id)"; where = "owner_type = \x27workspace\x27"; },\n    { from = "app.event(payload)"; expression = "(payload->>\x27workspace_id\x27)::uuid"; to = "app.workspace(id)"; action = "delete"; },\n    { from = "app.event(members)"; to = "app.workspace(id)"; match = "element"; action = "remove_element"; },\n    { from = "app.bill(workspace_id)"; to = "app.workspace(id)"; action = "keep"; keep_for = "1 year"; purpose = "tax"; basis = "law"; },/' "$CONF"
expect_status 'a condition, an expression, an array, kept rows: each says what the column is' 0 x run --json
expect_equal 'all is gone but what is kept' '0 0 0 1' "$(left) $(sql desk "select (select count(*) from app.event) || ' ' || (select count(*) from app.bill)")"
expect_status 'nothing is open any more' 0 x check

# ---- a database that is down ------------------------------------------------------------------------------------------------

desk
sed -i "s|^databases = (|databases = ( { name = \"away\"; conninfo = \"host=$WORK/nowhere dbname=none\"; },|" "$CONF"
expect_status 'a database that is down' 69 x run --json
expect_equal 'does not stop the work on the other' '0 0' "$(left)"
expect_match 'and is named' out 'away'
expect_status 'a plan says so as well' 69 x plan
expect_match 'with what the others have to do' out 'database "away" is left out'
database desk2 expunge_counter
desk
sed -i "s|^databases = (|databases = ( { name = \"breaks\"; conninfo = \"$(conninfo desk2)\"; },|" "$CONF"
expect_status 'two databases' 0 x init
sql desk2 "create function app.cut() returns trigger language plpgsql as 'begin perform pg_terminate_backend(pg_backend_pid()); return old; end';
    create trigger cut before delete on app.document for each row execute function app.cut()"
expect_status 'one that goes away in the middle' 69 x run --json
expect_equal 'does not stop the other either' '0 0' "$(left)"
expect_match 'and is named' out 'breaks'

# ---- a run counts what overlaps once --------------------------------------------------------------------------------------

small twice
small_house twice twice
run x init
run x plan --json
planned=$(json out "select j ->> 'rows_left' from doc")
sed -i "s/max_rows = 100000/max_rows = $((planned - 1))/" "$CONF"
expect_status 'one row less than planned stops the run' 11 x run --json
expect_equal 'which leaves as many as were planned' "$planned" "$(json out "select j ->> 'rows_left' from doc")"
sed -i "s/max_rows = $((planned - 1))/max_rows = $planned/" "$CONF"
expect_status 'a cap of as many as were planned is enough' 0 x run --json
expect_equal 'and as many have gone' "$planned" "$(json out "select j ->> 'rows_erased' from doc")"

done_testing
