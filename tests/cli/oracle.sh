#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# oracle.sh -- after one run every table holds exactly the rows that the promises allow, each with the values they allow.
# The expectation is plain SQL, written from promises.md and etc/expunge.conf, on a copy of the data as it was before.
# Cited: P1 P2 P3 P5 P6 P9 P10 P13 P14 P15 P16 P19 C1 C2.
# shellcheck source=tests/support/cli.sh
. "$(dirname "$0")/../support/cli.sh"
cluster_shared

# ---- data at every edge, beside what the generator makes ----------------------------------------------------------------

reference eu
sql eu - <<'END' || die 'the planted rows went in'
create function pg_temp.account(n integer) returns uuid language sql as
    $$select id from cloud.account where email = format('canary-eu-a%s@customer.example', lpad(n::text, 6, '0'))$$;
create function pg_temp.workspace(n integer) returns uuid language sql as
    $$select id from cloud.workspace where subdomain = format('canary-eu-w%s', lpad(n::text, 6, '0'))$$;
create function pg_temp.poster(n integer) returns uuid language sql as
    $$select id from community.account where username = format('canary-poster-eu-p%s', lpad(n::text, 6, '0'))$$;
create function pg_temp.server(n integer) returns uuid language sql as
    $$select id from registry.server where hostname = format('canary-host-eu-s%s.example', lpad(n::text, 6, '0'))$$;
create function pg_temp.reader(n integer) returns uuid language sql as
    $$select id from marketing.contact where email = format('canary-reader-eu-r%s@news.example', lpad(n::text, 6, '0'))$$;

-- usage: each purpose at each of the three windows' ends; active (1), past grace (2), in grace (4), of nobody any more
insert into telemetry.usage_event (occurred_at, workspace_id, purpose, name)
select now() - days * interval '1 day' + hours * interval '1 hour', workspace, purpose, 'planted'
  from unnest(array[90, 180, 365]) as days
 cross join unnest(array[-3, 3]) as hours
 cross join unnest(enum_range(null::telemetry.usage_purpose)) as purpose
 cross join unnest(array[pg_temp.workspace(1), pg_temp.workspace(2), pg_temp.workspace(4), '00000000-0000-4000-8000-000000000001']) as workspace;

-- a thread of four levels over rooms of a workspace past its grace period, with an upload, read by a guest who stays
insert into cloud.message (room_id, member_id, parent_id, body, sent_at)
select room.id, member.id, null, 'planted 1', now() - interval '70 days'
  from (select min(id) as id from cloud.room where workspace_id = pg_temp.workspace(2)) as room,
       (select min(id) as id from cloud.member where workspace_id = pg_temp.workspace(2)) as member;
insert into cloud.message (room_id, member_id, parent_id, body, sent_at)
select (select max(id) from cloud.room where workspace_id = pg_temp.workspace(2)), member_id, id, 'planted 2', sent_at from cloud.message where body = 'planted 1';
insert into cloud.message (room_id, member_id, parent_id, body, sent_at)
select room_id, member_id, id, 'planted 3', sent_at from cloud.message where body = 'planted 2';
insert into cloud.message (room_id, member_id, parent_id, body, sent_at)
select room_id, member_id, id, 'planted 4', sent_at from cloud.message where body = 'planted 3';
insert into cloud.upload (id, room_id, member_id, message_id, file_name, media_type, size_bytes, sha256, preview, uploaded_at)
select gen_random_uuid(), room_id, member_id, id, E'back\\slash\tand tab', 'text/plain', 1, '\x00ff0a', '\x5c6e', sent_at
  from cloud.message where body in ('planted 1', 'planted 4');

-- everything that a person past the grace period (11) and one in it (13) can have; and a person who stays (31)
insert into telemetry.location_fix (account_id, recorded_at, latitude, longitude, source)
select pg_temp.account(n), now() - days * interval '1 day', n, days, 'planted' from unnest(array[11, 13, 31]) as n, unnest(array[1, 29, 31, 40]) as days;
insert into telemetry.cookie (id, account_id, first_seen_at, last_seen_at)
select md5('planted cookie' || n || days)::uuid, pg_temp.account(n), now() - interval '500 days', now() - days * interval '1 day'
  from unnest(array[11, 13, 31]) as n, unnest(array[10, 410]) as days;
-- tracking of a visitor without a cookie of his own, by a cookie of his own, and by an expired cookie
insert into telemetry.tracking_event (cookie_id, account_id, occurred_at, url)
select cookie, account, now() - days * interval '1 day', 'https://planted.example/'
  from unnest(array[5, 89, 91]) as days
 cross join lateral (select (select id from telemetry.cookie where account_id is null and last_seen_at > now() - interval '20 days' order by id limit 1), pg_temp.account(n) from unnest(array[11, 13, 31]) as n
                     union all select md5('planted cookie' || n || age)::uuid, null from unnest(array[11, 13, 31]) as n, unnest(array[10, 410]) as age) as visit (cookie, account);
insert into push.device (id, account_id, platform, model, created_at, last_seen_at)
select md5('planted device' || n || days)::uuid, pg_temp.account(n), 'ios', 'planted', now() - interval '600 days', now() - days * interval '1 day'
  from unnest(array[11, 13, 31]) as n, unnest(array[364, 367]) as days;
insert into push.token (device_id, account_id, token, created_at, last_used_at)
select md5('planted device' || n || device)::uuid, pg_temp.account(n), 'planted-' || n || device || days, now() - interval '600 days', now() - days * interval '1 day'
  from unnest(array[11, 13, 31]) as n, unnest(array[364, 367]) as device, unnest(array[59, 61]) as days;
insert into cloud.session (account_id, token_hash, client_ip, user_agent, created_at, last_used_at)
select pg_temp.account(n), '\x01', '10.0.0.1', 'planted', now() - interval '200 days', now() - days * interval '1 day'
  from unnest(array[11, 13, 31]) as n, unnest(array[89, 91]) as days;

-- support: open for three years; closed 179 and 181 days ago; with messages and logs younger and older than that (C2)
insert into support.ticket (account_id, product, kind, reporter_email, subject, opened_at, closed_at)
select pg_temp.account(n), 'confluence_addon', 'support', 'planted@customer.example', format('planted %s %s', n, coalesce(closed, 0)), now() - interval '3 years', now() - closed * interval '1 day'
  from unnest(array[11, 13, 31, null]) as n, unnest(array[null, 179, 181]) as closed;
insert into support.ticket_message (ticket_id, channel, from_us, body, sent_at)
select id, 'chat', false, 'planted', now() - days * interval '1 day' from support.ticket, unnest(array[1, 1000]) as days where subject like 'planted%';
insert into support.attachment (id, message_id, file_name, media_type, content, created_at)
select md5('planted log' || id)::uuid, id, 'console.log', 'text/plain', '\x0a5c2e0a00ff', sent_at from support.ticket_message where body = 'planted';
insert into support.survey_response (ticket_id, score, remark, submitted_at)
select id, 3, E'planted \\N \\. "remark"\r\n', now() - interval '10 days' from support.ticket where subject like 'planted%';

-- apps: removed 29 and 31 days ago, of a workspace that stays and of one that goes (P15)
insert into marketplace.install (id, workspace_id, app_id, version, installed_at, uninstalled_at)
select md5('planted install' || n || days)::uuid, pg_temp.workspace(n), (select min(id::text)::uuid from marketplace.app), '1', now() - interval '1 year', now() - days * interval '1 day'
  from unnest(array[1, 2, 4]) as n, unnest(array[29, 31]) as days;
insert into marketplace.app_data (install_id, key, value, updated_at)
select id, 'planted', 'null', now() from marketplace.install where version = '1';

-- invoices on both sides of ten years, of one that stays and one that goes (P6)
insert into billing.invoice (id, workspace_id, number, issued_at, currency, net_amount, tax_amount, lines, customer_name, contact_name, contact_email)
select md5('planted invoice' || n || days)::uuid, pg_temp.workspace(n), format('PLANTED-%s-%s', n, days), now() - interval '10 years' + days * interval '1 day', 'EUR', 1, 0, '[]', 'Planted Name', 'Planted Contact', 'planted@customer.example'
  from unnest(array[1, 2]) as n, unnest(array[-2, 2]) as days;

-- a poster who goes: own posts, answers of others to them, reactions in both directions
insert into community.post (author_id, author_name, topic, body, created_at)
select pg_temp.poster(n), 'Planted Poster', 'planted', 'planted by ' || n, now() - interval '3 years' from unnest(array[11, 13, 20]) as n, generate_series(1, 3);
insert into community.reaction (post_id, account_id, emoji, created_at)
select id, pg_temp.poster(n), ':planted:', now() from community.post, unnest(array[11, 13, 20]) as n where topic = 'planted';

insert into registry.server_statistic (server_id, reported_at, version, metrics)
select pg_temp.server(n), now() - days * interval '1 day', '6', '{}' from unnest(array[11, 12, 13, 20]) as n, unnest(array[60, 363, 367]) as days;
insert into marketing.delivery (contact_id, campaign, sent_at) select pg_temp.reader(n), 'planted', now() - days * interval '1 day' from unnest(array[11, 14, 20]) as n, unnest(array[363, 367]) as days;
insert into marketing.consent (contact_id, list, given_at, wording, withdrawn_at)
select pg_temp.reader(n), 'planted ' || days, now() - interval '4 years', 'Yes', now() - days * interval '1 day' from unnest(array[11, 14, 20]) as n, unnest(array[1090, 1100]) as days;
END
database was "$(database_name eu)"
house home eu

# ---- one run ------------------------------------------------------------------------------------------------------------

x init >"$WORK/init.out" 2>&1
x check --accept >"$WORK/check.out" 2>&1
expect_status 'one run' 0 x run --jobs 1 --json
cp "$OUT" "$WORK/run.json"

# ---- who is gone, as of the promises --------------------------------------------------------------------------------------

sql was - <<'END'
create schema oracle;
create view oracle.workspace as select id from cloud.workspace where cancelled_at < now() - interval '30 days' and status = 'cancelled';
create view oracle.account as select id from cloud.account where deletion_requested_at < now() - interval '30 days' and status = 'leaving';
create view oracle.contact as select id from marketing.contact where consent_withdrawn_at < now() - interval '7 days' and status = 'unsubscribed';
create view oracle.poster as select id from community.account where deletion_requested_at < now() - interval '30 days' and status = 'leaving';
create view oracle.server as select id from registry.server where least(deregistered_at, opted_out_at) < now() - interval '30 days';
create view oracle.event as select * from telemetry.usage_event
 where occurred_at < now() - case purpose when 'security' then interval '1 year' when 'functionality' then interval '180 days' else interval '90 days' end;
create view oracle.cookie as select id from telemetry.cookie where last_seen_at < now() - interval '13 months';
create view oracle.device as select id from push.device where last_seen_at < now() - interval '1 year';
create view oracle.install as select id from marketplace.install where uninstalled_at < now() - interval '30 days';
create view oracle.ticket as select id from support.ticket where closed_at < now() - interval '180 days';
END
expect_equal 'the oracle knows of somebody of every kind who must go' '2 2 3 2 2' "$(sql was "select concat_ws(' ',
    (select count(*) from oracle.workspace), (select count(*) from oracle.account), (select count(*) from oracle.contact), (select count(*) from oracle.poster), (select count(*) from oracle.server))")"

judged=()
expect_table() # NAME TABLE QUERY-ON-was: the table holds these rows, and no other
{
    local said
    judged+=("$2")
    sql was "copy ($3) to stdout" | LC_ALL=C sort >"$WORK/expected"
    sql eu "copy (select * from $2) to stdout" | LC_ALL=C sort >"$WORK/actual"
    if [ ! -s "$WORK/expected" ]; then
        not_ok "$1" 'the test expects no row: it would prove nothing'
    elif said=$(diff "$WORK/expected" "$WORK/actual"); then
        ok "$1"
    else
        not_ok "$1" "$(grep -c '^<' <<<"$said") missing, $(grep -c '^>' <<<"$said") too many:"$'\n'"$(head -n 6 <<<"$said" | cut -c 1-200)"
    fi
}
expect_rows() # NAME TABLE CONDITION-ON-t: those rows of before, unchanged
{
    expect_table "$1" "$2" "select t.* from $2 as t where $3"
}
not_of() # KIND COLUMN → a condition: the row is nobody's who is gone
{
    echo "(t.$2 is null or t.$2 not in (select id from oracle.$1))"
}

# ---- every table ------------------------------------------------------------------------------------------------------------

expect_rows 'P3, P5: a workspace is gone when its grace period is; just cancelled, in grace, reactivated and active ones are untouched' cloud.workspace "$(not_of workspace id)"
expect_rows 'P3: rooms go with the workspace' cloud.room "$(not_of workspace workspace_id)"
expect_table 'P3, P9: members go with the workspace; a person who left is taken off the others, the membership stays' cloud.member \
    "select id, workspace_id, case when gone then null else account_id end, case when gone then 'deleted-' || id else username end, case when gone then 'deleted user' else display_name end,
     case when gone then null else email end, role, joined_at from (select *, coalesce(account_id in (select id from oracle.account), false) as gone from cloud.member) as t where $(not_of workspace workspace_id)"
expect_rows 'P3: messages go with the workspace, threads too' cloud.message "t.room_id not in (select id from cloud.room where workspace_id in (select id from oracle.workspace))"
expect_rows 'P3: uploads go with the workspace' cloud.upload "t.room_id not in (select id from cloud.room where workspace_id in (select id from oracle.workspace))"
expect_rows 'P9: an account is gone when its grace period is; P10: a child without verified consent waits for a request, and is untouched here' cloud.account "$(not_of account id)"
expect_rows 'P1, P9: sessions not used for 90 days, and those of a person who left' cloud.session "t.last_used_at >= now() - interval '90 days' and $(not_of account account_id)"
expect_rows 'nobody'"'"'s table: regions' cloud.region true
expect_rows 'nobody'"'"'s table: plans' cloud.plan true
expect_rows 'P1, P2, P3: usage data older than 90 days, security after a year, functionality after 180 days, and all of a workspace that is gone' telemetry.usage_event \
    "t.id not in (select id from oracle.event) and $(not_of workspace workspace_id)"
expect_rows 'P16: positions older than 30 days, and those of a person who left' telemetry.location_fix "t.recorded_at >= now() - interval '30 days' and $(not_of account account_id)"
expect_rows 'P16: cookies not seen for 13 months, and those of a person who left' telemetry.cookie "t.id not in (select id from oracle.cookie) and $(not_of account account_id)"
expect_rows 'P16: tracking older than 90 days, of a person who left, by such a person'"'"'s cookie or by an expired one' telemetry.tracking_event \
    "t.occurred_at >= now() - interval '90 days' and $(not_of account account_id) and t.cookie_id not in (select id from oracle.cookie union all select id from telemetry.cookie where account_id in (select id from oracle.account))"
expect_rows 'P16: push tokens not used for 60 days, on devices not seen for a year, of a person who left' push.token \
    "t.last_used_at >= now() - interval '60 days' and t.device_id not in (select id from oracle.device) and $(not_of account account_id)"
expect_rows 'P1: devices not seen for a year, and those of a person who left' push.device "t.id not in (select id from oracle.device) and $(not_of account account_id)"
expect_rows 'P15: installs of an app 30 days after it was removed, and all of a workspace that is gone' marketplace.install "t.id not in (select id from oracle.install) and $(not_of workspace workspace_id)"
expect_rows 'P15: what the app kept there' marketplace.app_data "t.install_id not in (select id from oracle.install union all select id from marketplace.install where workspace_id in (select id from oracle.workspace))"
expect_rows 'P15: the apps themselves stay' marketplace.app true
expect_rows 'P15: so do their vendors' marketplace.app_vendor true
expect_rows 'P3: the billing customer goes with the workspace' billing.customer "$(not_of workspace workspace_id)"
expect_table 'P6: invoices stay for ten years, without the name of a customer who is gone' billing.invoice \
    "select id, workspace_id, number, issued_at, currency, net_amount, tax_amount, lines, case when gone then 'former customer' else customer_name end, case when gone then null else contact_name end,
     case when gone then null else contact_email end, case when gone then null else billing_address end
     from (select *, workspace_id in (select id from oracle.workspace) as gone from billing.invoice) as t where issued_at >= now() - interval '10 years'"
expect_rows 'P9, P16: a reader is gone a week after consent was withdrawn' marketing.contact "$(not_of contact id)"
expect_rows 'P16: consent withdrawn three years ago, and that of a reader who is gone' marketing.consent "(t.withdrawn_at is null or t.withdrawn_at >= now() - interval '3 years') and $(not_of contact contact_id)"
expect_rows 'P1, P16: deliveries older than a year, and those of a reader who is gone' marketing.delivery "t.sent_at >= now() - interval '1 year' and $(not_of contact contact_id)"
expect_rows 'P9: a community user is gone when the grace period is' community.account "$(not_of poster id)"
expect_table 'P9: the posts of such a user stay, without the person' community.post \
    "select id, case when gone then null else author_id end, case when gone then 'deleted user' else author_name end, topic, body, created_at, edited_at
     from (select *, coalesce(author_id in (select id from oracle.poster), false) as gone from community.post) as t"
expect_rows 'P9: the reactions go' community.reaction "$(not_of poster account_id)"
expect_rows 'C2, P9: tickets closed 180 days ago, an open one never by its age, and those of a person who left' support.ticket "t.id not in (select id from oracle.ticket) and $(not_of account account_id)"
kept_tickets="select id from support.ticket where id not in (select id from oracle.ticket) and (account_id is null or account_id not in (select id from oracle.account))"
expect_rows 'C2: messages go with their ticket, whatever their own age' support.ticket_message "t.ticket_id in ($kept_tickets)"
expect_rows 'C2: console logs go with them' support.attachment "t.message_id in (select id from support.ticket_message where ticket_id in ($kept_tickets))"
expect_rows 'C2: and survey answers' support.survey_response "t.ticket_id in ($kept_tickets)"
expect_rows 'P14: a server that deregistered or opted out is gone when the grace period is' registry.server "$(not_of server id)"
expect_rows 'P14: statistics older than a year, and those of a server that is gone' registry.server_statistic "t.reported_at >= now() - interval '1 year' and $(not_of server server_id)"
expect_equal 'C1: every table of the schema was judged here; none holds content of a customer'"'"'s own server' \
    "$(sql was "select c.oid::regclass from pg_class c where relkind in ('r', 'p') and not relispartition and relnamespace::regnamespace::text !~ '^(pg_|information|oracle|expunge)' order by c.oid::regclass::text collate \"C\"")" \
    "$(printf '%s\n' "${judged[@]}" | LC_ALL=C sort)"

# ---- what left is in the snapshots (P19: sealed; readable only by the program) ----------------------------------------------

expect_cat() # NAME DISPOSAL TABLE DATABASE QUERY
{
    local said
    sql "$4" "copy ($5) to stdout" | LC_ALL=C sort >"$WORK/expected"
    run x snapshot cat "$2" "$3"
    if [ "$STATUS" != 0 ]; then
        not_ok "$1" "$(last_run)"
    elif [ ! -s "$WORK/expected" ]; then
        not_ok "$1" 'the test expects no row: it would prove nothing'
    elif said=$(LC_ALL=C sort "$OUT" | diff "$WORK/expected" -); then
        ok "$1"
    else
        not_ok "$1" "$(head -n 6 <<<"$said" | cut -c 1-200)"
    fi
}
id=$(disposal_of eu policy usage-events)
expect_cat 'P2: exactly the expired usage events are in their snapshot' "$id" telemetry.usage_event was 'select * from oracle.event'
id=$(disposal_of eu policy tracking-events)
expect_cat 'P16: exactly the expired tracking events' "$id" telemetry.tracking_event was "select * from telemetry.tracking_event where occurred_at < now() - interval '90 days'"
id=$(disposal_of eu policy uninstalled-apps)
expect_cat 'P15: exactly the installs that were removed' "$id" marketplace.install was 'select * from marketplace.install where id in (select id from oracle.install)'
expect_cat 'P15: and exactly what the app kept there' "$id" marketplace.app_data was 'select * from marketplace.app_data where install_id in (select id from oracle.install)'
id=$(disposal_of eu policy support-tickets)
expect_cat 'C2: exactly the tickets closed 180 days ago' "$id" support.ticket was 'select * from support.ticket where id in (select id from oracle.ticket)'
expect_cat 'C2: with all their messages' "$id" support.ticket_message was 'select * from support.ticket_message where ticket_id in (select id from oracle.ticket)'
expect_cat 'C2: with all their logs, byte by byte' "$id" support.attachment was 'select * from support.attachment where message_id in (select id from support.ticket_message where ticket_id in (select id from oracle.ticket))'
expect_cat 'C2: with all their survey answers' "$id" support.survey_response was 'select * from support.survey_response where ticket_id in (select id from oracle.ticket)'

# ---- who is in the grace period was copied, and is untouched (P5) -----------------------------------------------------------

key=$(sql was "select id from cloud.workspace where subdomain = 'canary-eu-w000004'")
id=$(disposal_of eu workspace "$key" archived)
expect_cat 'P3, P5: the snapshot of a workspace in grace has its row' "$id" cloud.workspace eu "select * from cloud.workspace where id = '$key'"
expect_cat 'its members' "$id" cloud.member eu "select * from cloud.member where workspace_id = '$key'"
expect_cat 'its rooms' "$id" cloud.room eu "select * from cloud.room where workspace_id = '$key'"
expect_cat 'its messages' "$id" cloud.message eu "select * from cloud.message where room_id in (select id from cloud.room where workspace_id = '$key')"
expect_cat 'its uploads' "$id" cloud.upload eu "select * from cloud.upload where room_id in (select id from cloud.room where workspace_id = '$key')"
expect_cat 'its usage events' "$id" telemetry.usage_event eu "select * from telemetry.usage_event where workspace_id = '$key'"
expect_cat 'its installs' "$id" marketplace.install eu "select * from marketplace.install where workspace_id = '$key'"
expect_cat 'its app data' "$id" marketplace.app_data eu "select * from marketplace.app_data where install_id in (select id from marketplace.install where workspace_id = '$key')"
expect_cat 'its billing customer' "$id" billing.customer eu "select * from billing.customer where workspace_id = '$key'"
expect_cat 'and the values that its invoices will lose' "$id" billing.invoice eu "select id, customer_name, contact_name, contact_email, billing_address from billing.invoice where workspace_id = '$key'"
key=$(sql was "select id from community.account where username = 'canary-poster-eu-p000013'")
id=$(disposal_of eu community_user "$key" archived)
expect_cat 'P9: the snapshot of a community user has the values that the posts will lose' "$id" community.post eu "select id, author_id, author_name from community.post where author_id = '$key'"
expect_equal 'no snapshot is made of who is past the grace period already' 0 \
    "$(sql eu "select count(*) from expunge.disposal where state = 'cleared' and snapshot_name is not null")"
expect_equal 'P13: all snapshots are in the store of their region, and it holds nothing else' "$(sql eu "select snapshot_name from expunge.disposal where snapshot_name is not null order by snapshot_name collate \"C\"")" \
    "$(LC_ALL=C ls "$STATE/snapshots/eu")"
expect_true 'P19: no value of a row can be read in a snapshot'"'"'s files' bash -c "! grep -rqiE 'canary|planted' '$STATE'"

# ---- and the other commands agree -------------------------------------------------------------------------------------------

expect_status 'verify: ledger, snapshots and absence agree' 0 x verify
expect_status 'P1: an auditor reads for each class its window, purpose and legal basis' 0 x report --format json
cp "$OUT" "$WORK/report.json"
expect_json 'P1: 13 classes and the kept invoices, no row past its window, and the oldest row of each inside it' '14 14 0 t' "$WORK/report.json" \
    "select concat_ws(' ', count(*), count(*) filter (where p.value ->> 'purpose' <> '' and p.value ->> 'basis' <> '' and p.value ->> 'class' <> ''), sum((p.value ->> 'rows_past_window')::bigint),
            bool_and((p.value ->> 'oldest_row')::timestamptz >= (p.value ->> 'cutoff')::timestamptz or jsonb_array_length(p.value -> 'exempt') > 0))
       from doc, jsonb_array_elements(j -> 'databases') as d, jsonb_array_elements(d.value -> 'policies') as p"
expect_json 'P2: it counts what was kept longer, and why' \
    "$(sql was "select concat_ws(' ', count(*) filter (where purpose = 'security'), count(*) filter (where purpose = 'functionality')) from telemetry.usage_event as t where occurred_at < now() - interval '90 days' and id not in (select id from oracle.event) and $(not_of workspace workspace_id)")" \
    "$WORK/report.json" "select string_agg(e.value ->> 'rows', ' ' order by e.value ->> 'purpose') from doc, jsonb_array_elements(j -> 'databases') as d, jsonb_array_elements(d.value -> 'policies') as p, jsonb_array_elements(p.value -> 'exempt') as e"
done_testing
