-- generate.sql -- fills the reference schema, the same way for the same parameters.
-- SPDX-License-Identifier: Apache-2.0
--
--   psql -X -q -v region=eu -v events=1000000 -v workspaces=150 -v seed=1 -f generate.sql
--
--   region      eu or us: whose database this is; it is part of every key and name              (eu)
--   events      how many usage events                                                           (1000000)
--   rest        how large the other tables are: as they should be beside so many usage events   (the same as events)
--   workspaces  how many workspaces; members, rooms, accounts and servers grow with it          (150)
--   seed        another number gives other keys and values                                      (1)
--   now         the moment from which all ages are counted; nothing is later                    (midnight UTC)
--
-- A workspace's stage follows from its number n:
--   past grace     2, 49, 97, 145, …    cancelled 31 to 60 days ago
--   in grace       4, 18, 31, 44, …     cancelled 6 to 28 days ago
--   just cancelled 6, 12, 38, 64, …     cancelled less than 5 days ago
--   reactivated    8, 15, 37, 59, …     was cancelled and came back
--   active         all others
-- Persons and servers who asked to leave: past grace are numbers 11 and 12 (contacts: 11 to 13), in grace the next
-- few.  Accounts 21 to 25 are children's without verified consent, 26 to 30 with it.
--
-- All personal data names whose it is, so that a search finds what an erasure left behind: eu-a000017 is account 17,
-- eu-w000017 workspace 17; r is a newsletter's reader, p a poster, s a server, v a visitor, t who sent a ticket by mail.
-- Every table with a window in etc/expunge.conf has a small part that is past it.

\set ON_ERROR_STOP on
\if :{?region}     \else \set region eu          \endif
\if :{?events}     \else \set events 1000000     \endif
\if :{?rest}       \else \set rest :events       \endif
\if :{?workspaces} \else \set workspaces 150     \endif
\if :{?seed}       \else \set seed 1             \endif

begin;

set local search_path = pg_catalog;
set local timezone = 'UTC';
set local client_min_messages = warning;
set local synchronous_commit = off;
set local work_mem = '128MB';
set local jit = off;
set local enable_mergejoin = off; -- rows go in in the order of their ids and times

\if :{?now}
\else
select date_trunc('day', current_timestamp)::text as now
\gset
\endif

create temporary table parameter on commit drop as
select :'region'::text      as region,
       :events::bigint      as events,
       :rest::bigint        as rest,
       :workspaces::bigint  as workspaces,
       :'now'::timestamptz  as now,
       :workspaces::bigint * 20 as accounts;

do $$
begin
    if exists (select from cloud.workspace) then
        raise exception 'this database is filled already' using hint = 'create a new one from schema.sql';
    end if;
    if exists (select from pg_temp.parameter where region not in ('eu', 'us')) then
        raise exception 'region must be eu or us';
    end if;
    if exists (select from pg_temp.parameter
                where workspaces not between 10 and 20000 or least(events, rest) < 1000 or greatest(events, rest) > 50000000) then
        raise exception 'workspaces must be between 10 and 20000, events and rest between 1000 and 50000000';
    end if;
end;
$$;

select accounts, greatest(rest / 500, 200) as few, greatest(rest / 200, 200) as contacts, greatest(rest / 100, 200) as some,
       rest / 25 as many, rest / 10 as most, rest / 5 / 8 * 8 as messages,
       greatest(4, least(128, 20000 / workspaces)) as sessions
  from pg_temp.parameter
\gset

-- Foreign keys are true by construction; they are checked all at once at the end, not row by row.
select case when rolsuper then set_config('session_replication_role', 'replica', true) end as role
  from pg_roles where rolname = current_user
\gset

-- Plain indexes are built when the rows are in: a third of the time.
create temporary table later on commit drop as
select indexrelid::regclass::text as index, replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') as definition
  from pg_index
  join pg_class on pg_class.oid = indexrelid
 where not indisunique and not relispartition
   and indrelid::regclass::text ~ '^(cloud|telemetry|push|marketplace|billing|marketing|community|support|registry)\.';

do $$
declare
    v_index text;
begin
    for v_index in select index from pg_temp.later loop
        execute 'drop index ' || v_index;
    end loop;
end;
$$;

-- Chance: one number for each (what, n), the same in every run with this seed and region. -----------------------------

create function pg_temp.chance(what text, n bigint) returns bigint language sql immutable parallel safe
    return hashint8extended(n, hashtextextended(what, hashtextextended(:'region', :seed))) & 9223372036854775807;

-- 0 <= result < 1
create function pg_temp.part(what text, n bigint) returns double precision language sql immutable parallel safe
    return (pg_temp.chance(what, n) >> 10)::double precision / 9007199254740992.0::double precision;

-- 1 <= result <= size
create function pg_temp.pick(what text, n bigint, size bigint) returns bigint language sql immutable parallel safe
    return 1 + pg_temp.chance(what, n) % size;

create function pg_temp.id(what text, n bigint) returns uuid language sql immutable parallel safe
    return md5(what || :'seed' || :'region' || n::text)::uuid;

create function pg_temp.ago(days double precision) returns timestamptz language sql stable parallel safe
    return :'now'::timestamptz - days * interval '24 hours';

-- Whose data a text is: eu-a000017
create function pg_temp.canary(kind text, n bigint) returns text language sql immutable parallel safe
    return :'region' || '-' || kind || lpad(n::text, 6, '0');

create function pg_temp.ip(what text, n bigint) returns inet language sql immutable parallel safe
    return '10.0.0.0'::inet + pg_temp.chance(what, n) % 16777216;

create function pg_temp.browser(n bigint) returns text language sql immutable parallel safe
    return (array['Mozilla/5.0 (X11; Linux x86_64) Firefox/119.0', 'Mozilla/5.0 (Windows NT 10.0; Win64) Chrome/118.0',
                  'Mozilla/5.0 (Macintosh; Intel Mac OS X 13_6) Safari/17.0', 'CanaryDesktop/3.9.11 (linux)',
                  'CanaryMobile/4.42.0 (android 13)', 'CanaryMobile/4.42.0 (ios 17.1)'])[pg_temp.pick('browser', n, 6)];

create function pg_temp.sentence(n bigint) returns text language sql immutable parallel safe
    return (array['The build is green again after we pinned the compiler, thanks for looking into it. ',
                  'Could you please review the draft before the meeting on Thursday? ',
                  'I moved the figures into the shared folder and left two questions in the margin. ',
                  'Our customer in Lyon asks whether the export has the attachments, too, and how long it takes. ',
                  'Yes, the new release fixes the reconnect on flaky networks. ',
                  'We tried it on four phones and a tablet. ',
                  'Let us meet at ten in the small room, the big one is taken by the auditors until Friday. ',
                  'The invoice for October is attached. ',
                  'I cannot reproduce it here: which version of the server, which browser, what does the console say? ',
                  'The numbers look right now, but the second chart still counts guests twice. ',
                  'Sorry for the late answer, I was travelling. ',
                  'The keys are at the front desk, and the badge works from seven to eight. ',
                  'Has anybody seen the cable for the projector? ',
                  'Lunch is at half past twelve, soup and bread, everybody is welcome. ',
                  'We agreed to keep the old address until spring and to tell the partners in January. ',
                  'Done. '])[1 + n % 16];

-- Two to four sentences of plausible text; the number at the end keeps them apart.
create function pg_temp.prose(what text, n bigint) returns text language sql immutable parallel safe
    return pg_temp.sentence(pg_temp.chance(what, n)) || pg_temp.sentence(pg_temp.chance(what, n) >> 4)
           || case when n % 2 = 0 then pg_temp.sentence(pg_temp.chance(what, n) >> 8) else '' end
           || case when n % 3 = 0 then pg_temp.sentence(pg_temp.chance(what, n) >> 12) else '' end
           || to_hex(pg_temp.chance(what, n) >> 16);

-- What is nobody's data ------------------------------------------------------------------------------------------------

insert into cloud.region (code, name, jurisdiction)
values ('eu', 'Frankfurt', 'European Union'),
       ('us', 'Virginia', 'United States');

insert into cloud.plan (code, name, monthly_price, max_members, features)
values ('starter', 'Starter', 0.00, 50, '{chat}'),
       ('pro', 'Pro', 8.00, 500, '{chat,video,roles}'),
       ('enterprise', 'Enterprise', 35.00, null, '{chat,video,roles,audit,ldap}');

insert into marketplace.app_vendor (id, name, support_url)
select pg_temp.id('vendor', n), 'App vendor ' || n, 'https://vendor' || n || '.example/support'
  from generate_series(1, 15) as n;

insert into marketplace.app (id, vendor_id, slug, name, categories)
select pg_temp.id('app', n), pg_temp.id('vendor', 1 + n % 15), 'app-' || n, 'App ' || n,
       case n % 3 when 0 then '{chat,bots}'::text[] when 1 then '{productivity}'::text[] else '{crm,sales}'::text[] end
  from generate_series(1, 40) as n;

-- Accounts: number n is at home in workspace 1 + (n - 1) % workspaces -------------------------------------------------

insert into cloud.account (id, email, display_name, password_hash, locale, last_login_ip, is_minor, parental_consent_at,
                           guardian_email, status, created_at, last_seen_at, deletion_requested_at)
select pg_temp.id('account', n), 'canary-' || pg_temp.canary('a', n) || '@customer.example',
       'Canary Lastname ' || pg_temp.canary('a', n), sha256(pg_temp.canary('a', n)::bytea),
       (array['en', 'de', 'fr', 'pt-BR', 'ja'])[pg_temp.pick('locale', n, 5)], pg_temp.ip('account', n),
       n between 21 and 30, case when n between 26 and 30 then pg_temp.ago(40) end,
       case when n between 21 and 30 then 'canary-guardian-' || pg_temp.canary('a', n) || '@customer.example' end,
       case when gone is null then 'active' else 'leaving' end::cloud.account_status,
       pg_temp.ago(100 + 1000 * pg_temp.part('account', n)), pg_temp.ago(coalesce(gone, 20 * pg_temp.part('seen', n))),
       pg_temp.ago(gone)
  from generate_series(1, :accounts) as n
 cross join lateral (select case n when 11 then 34.5 when 12 then 41.25 when 13 then 21.5 when 14 then 9.75
                                   when 15 then 3.5 when 16 then 0.25 end::double precision) as stage (gone);

insert into cloud.session (id, account_id, token_hash, client_ip, user_agent, created_at, last_used_at)
overriding system value
select n, pg_temp.id('account', 1 + n % :accounts), sha256(int8send(pg_temp.chance('session', n))),
       pg_temp.ip('session', n), pg_temp.browser(n), pg_temp.ago(age + 14 * pg_temp.part('session', n)), pg_temp.ago(age)
  from generate_series(1, :accounts * 3) as n
 cross join lateral (select case when n % 13 = 0 then 91 + 20 * pg_temp.part('used', n)
                                 else 85 * pg_temp.part('used', n) end) as used (age);

-- Workspaces, their members, rooms, messages, uploads ------------------------------------------------------------------

create temporary table stage on commit drop as
select n, pg_temp.id('workspace', n) as id, stage,
       case stage when 'past grace' then pg_temp.ago(31 + 29 * pg_temp.part('cancelled', n))
                  when 'in grace' then pg_temp.ago(6 + 22 * pg_temp.part('cancelled', n))
                  when 'just cancelled' then pg_temp.ago(0.1 + 4.8 * pg_temp.part('cancelled', n))
       end as cancelled_at
  from generate_series(1, :workspaces::bigint) as n
 cross join lateral (select case when n = 2 or n > 10 and n % 48 = 1 then 'past grace'
                                 when n = 4 or n > 10 and n % 13 = 5 then 'in grace'
                                 when n = 6 or n > 10 and n % 26 = 12 then 'just cancelled'
                                 when n = 8 or n > 10 and n % 22 = 15 then 'reactivated'
                                 else 'active' end) as of_number (stage);
analyze pg_temp.stage;

insert into cloud.workspace (id, name, subdomain, region, plan, status, contact_name, contact_email, settings, created_at,
                             cancelled_at, cancel_reason, reactivated_at)
select id, 'Canary Workspace ' || pg_temp.canary('w', n), 'canary-' || pg_temp.canary('w', n), :'region',
       (array['starter', 'pro', 'pro', 'enterprise'])[pg_temp.pick('plan', n, 4)],
       case when cancelled_at is not null then 'cancelled' when n % 29 = 0 then 'trial' else 'active' end::cloud.workspace_status,
       'Canary Contact ' || pg_temp.canary('w', n), 'canary-contact-' || pg_temp.canary('w', n) || '@customer.example',
       jsonb_build_object('retention', 'keep', 'two_factor', n % 2 = 0, 'brand', 'Canary Workspace ' || pg_temp.canary('w', n)),
       pg_temp.ago(1200 + 700 * pg_temp.part('workspace', n)), cancelled_at,
       case when cancelled_at is not null then (array['moved elsewhere', 'too expensive', null])[pg_temp.pick('why', n, 3)] end,
       case when stage = 'reactivated' then pg_temp.ago(5 + 50 * pg_temp.part('back', n)) end
  from pg_temp.stage;

insert into cloud.member (id, workspace_id, account_id, username, display_name, email, role, joined_at)
overriding system value
select n, pg_temp.id('workspace', 1 + (n - 1) % :workspaces), pg_temp.id('account', n), 'canary.' || pg_temp.canary('a', n),
       'Canary Lastname ' || pg_temp.canary('a', n), 'canary-' || pg_temp.canary('a', n) || '@customer.example',
       case when n <= :workspaces then 'owner' when n <= 2 * :workspaces then 'admin' when n % 9 = 0 then 'guest'
            else 'member' end::cloud.member_role,
       pg_temp.ago(100 + 900 * pg_temp.part('joined', n))
  from generate_series(1, :accounts) as n;

-- every tenth account is a guest in the next workspace, too
insert into cloud.member (id, workspace_id, account_id, username, display_name, email, role, joined_at)
overriding system value
select :accounts + n / 10, pg_temp.id('workspace', 1 + n % :workspaces), pg_temp.id('account', n),
       'canary.' || pg_temp.canary('a', n),
       'Canary Lastname ' || pg_temp.canary('a', n), 'canary-' || pg_temp.canary('a', n) || '@customer.example', 'guest',
       pg_temp.ago(90 * pg_temp.part('joined', n))
  from generate_series(10, :accounts, 10) as n;

insert into cloud.room (id, workspace_id, kind, name, topic, created_at)
overriding system value
select n, pg_temp.id('workspace', 1 + (n - 1) / 10),
       (array['channel', 'channel', 'group', 'direct'])[1 + n % 4]::cloud.room_kind, 'room-' || n,
       case when n % 2 = 0 then 'Canary topic of ' || pg_temp.canary('w', 1 + (n - 1) / 10) end,
       pg_temp.ago(900 - 300 * pg_temp.part('room', n))
  from generate_series(1, :workspaces * 10) as n;

-- Which of the workspaces: some are large, most are small; one that had ended by then is replaced by one that had not.
create function pg_temp.large_or_small(what text, n bigint) returns bigint language sql immutable parallel safe
    return 1 + ((power(pg_temp.part(what, n), 1.5) * :workspaces)::bigint * 7919) % :workspaces;

create temporary table lasting on commit drop as
select row_number() over (order by n) as n, stage.n as workspace from pg_temp.stage where cancelled_at is null;
analyze pg_temp.lasting;
select count(*) as lasting from pg_temp.lasting
\gset

-- Eight messages in a row are in one room; in each eight there are a thread of three levels, one of two, three roots.
insert into cloud.message (id, room_id, member_id, parent_id, body, reactions, labels, sent_at, edited_at)
overriding system value
select n + 1, (w - 1) * 10 + pg_temp.pick('room', n / 8, 10), w + :workspaces * (pg_temp.pick('member', n, 20) - 1),
       case n % 8 when 2 then n - 1 when 3 then n when 4 then n when 6 then n end,
       'Canary message in ' || pg_temp.canary('w', w) || ': ' || pg_temp.prose('message', n),
       case when n % 11 = 0 then jsonb_build_object(':+1:', 1 + n % 5, ':tada:', 1) end,
       case when n % 40 = 0 then '{pinned}'::text[] else '{}'::text[] end, sent_at,
       case when n % 25 = 0 then sent_at + interval '1 minute' end
  from (select moment.n, case when picked.cancelled_at < sent_at then lasting.workspace else picked.n end as w,
               sent_at + moment.n % 8 * interval '7 seconds' as sent_at
          from (select n, pg_temp.ago(1 + 500 * (1 - (n / 8 * 8)::double precision / :messages)) as sent_at
                  from generate_series(0, :messages::bigint - 1) as n) as moment
          join pg_temp.stage as picked on picked.n = pg_temp.large_or_small('message', moment.n / 8)
          join pg_temp.lasting on lasting.n = pg_temp.pick('other', moment.n / 8, :lasting)) as message;

insert into cloud.upload (id, room_id, member_id, message_id, file_name, media_type, size_bytes, sha256, preview, tags,
                          uploaded_at)
select pg_temp.id('upload', id), room_id, member_id, id, 'canary-figures-' || id || '.png', 'image/png',
       1000 + pg_temp.chance('size', id) % 5000000, sha256(int8send(pg_temp.chance('upload', id))),
       '\x89504e470d0a1a0a'::bytea || sha256(int8send(id)) || sha256(int8send(-id)),
       case when id % 3 = 0 then '{shared}'::text[] else '{}'::text[] end, sent_at
  from cloud.message where id % 10 = 3;

-- Telemetry ------------------------------------------------------------------------------------------------------------

-- 1 % are security events 102 to 400 days old, the rest is spread over 102 days; three in ten share their moment.
select telemetry.create_usage_partitions(pg_temp.ago(402), greatest(:'now'::timestamptz, current_timestamp) + interval '1 month')
       as partitions
\gset

-- a workspace's events come from a few of its sessions
create temporary table session on commit drop as
select stage.n as workspace, k, pg_temp.ip('event', n * 1000 + k) as client_ip, pg_temp.browser(n * 1000 + k) as user_agent,
       jsonb_build_object('session', 'canary-' || pg_temp.canary('w', n) || '-' || to_hex(pg_temp.chance('event', n * 1000 + k)),
                          'version', '6.4.' || (n + k) % 20, 'members', pg_temp.pick('members', n, 90), 'cached', k % 3 = 0)
       as properties
  from pg_temp.stage
 cross join generate_series(0, :sessions::bigint - 1) as k;
analyze pg_temp.session;

insert into telemetry.usage_event (id, occurred_at, workspace_id, purpose, name, client_ip, user_agent,
                                   request_id, duration_ms, properties)
overriding system value
select event.n, occurred_at, stage.id,
       case when event.n <= :events / 100 or dice % 100 < 3 then 'security'::telemetry.usage_purpose
            when dice % 100 < 6 then 'functionality'::telemetry.usage_purpose
            else 'operate'::telemetry.usage_purpose end,
       (array['message.sent', 'message.read', 'room.opened', 'call.joined', 'search', 'file.uploaded', 'login', 'login.failed',
              'app.command', 'settings.changed', 'user.invited', 'export.started'])[1 + (dice >> 8) % 12],
       session.client_ip, session.user_agent, md5(dice::text)::uuid, (dice >> 24) % 4000, session.properties
  from (select n, pg_temp.chance('event', n) as dice, pg_temp.large_or_small('event workspace', n) as workspace,
               pg_temp.ago(case when m <= :events / 100 then 400 - 298 * (m * 100.0::double precision / :events)
                                else 102 * (1 - m::double precision / :events) * (100.0::double precision / 99) end)
               as occurred_at
          from (select n, case when n % 10 between 1 and 3 then n - n % 10 else n end as m
                  from generate_series(1, :events::bigint) as n) as moment
        offset 0) as event -- so that each is computed once
  join pg_temp.stage as picked on picked.n = event.workspace
  join pg_temp.lasting on lasting.n = 1 + dice % :lasting
  join pg_temp.stage on stage.n = case when picked.cancelled_at < occurred_at then lasting.workspace else picked.n end
  join pg_temp.session on session.workspace = stage.n and session.k = (dice >> 16) % :sessions;

insert into telemetry.location_fix (id, account_id, recorded_at, latitude, longitude, accuracy_m, source)
overriding system value
select n, pg_temp.id('account', pg_temp.pick('located', n, :accounts)), pg_temp.ago(32 * (1 - n::double precision / :most)),
       35 + 25 * pg_temp.part('latitude', n), -10 + 40 * pg_temp.part('longitude', n), 5 + pg_temp.chance('accuracy', n) % 100,
       case when n % 3 = 0 then 'wifi' else 'gps' end
  from generate_series(1, :most::bigint) as n;

-- every 20th visitor did not come back for 13 months, every third is known
insert into telemetry.cookie (id, account_id, consented_to, user_agent, client_ip, first_seen_at, last_seen_at)
select pg_temp.id('cookie', n), case when n % 3 = 0 then pg_temp.id('account', pg_temp.pick('visitor', n, :accounts)) end,
       case when n % 2 = 0 then '{necessary,statistics,marketing}'::text[] else '{necessary,statistics}'::text[] end,
       pg_temp.browser(n), pg_temp.ip('cookie', n), pg_temp.ago(430 + 60 * pg_temp.part('first', n)),
       pg_temp.ago(case when n % 20 = 0 then 398 + 25 * pg_temp.part('last', n) else 30 * pg_temp.part('last', n) end)
  from generate_series(1, :some) as n;

insert into telemetry.tracking_event (id, cookie_id, account_id, occurred_at, url, referrer, campaign, client_ip)
overriding system value
select n, pg_temp.id('cookie', c),
       case when c % 3 = 0 and n % 2 = 0 then pg_temp.id('account', pg_temp.pick('visitor', c, :accounts)) end,
       pg_temp.ago(last + (97 - last) * pg_temp.part('tracked', n)),
       'https://www.vendor.example/' || (array['', 'pricing', 'download', 'docs/install', 'contact'])[pg_temp.pick('url', n, 5)]
       || '?visitor=canary-' || pg_temp.canary('v', c),
       case when n % 4 = 0 then 'https://search.example/?q=chat' end,
       case when n % 5 = 0 then jsonb_build_object('source', 'newsletter', 'medium', 'mail', 'id', n % 17) end,
       pg_temp.ip('cookie', c)
  from (select n, case when c % 20 = 0 then c - 1 else c end as c
          from (select n, pg_temp.pick('tracking', n, :some) as c from generate_series(1, :most::bigint) as n) as visitor
       ) as visit
 cross join lateral (select 30 * pg_temp.part('last', c)) as cookie (last);

-- Push: every fifth account has a second device, every tenth device a second token -------------------------------------

insert into push.device (id, account_id, platform, model, name, created_at, last_seen_at)
select pg_temp.id('device', n), pg_temp.id('account', 1 + (n - 1) % :accounts),
       (array['android', 'ios'])[1 + n % 2]::push.platform, (array['Pixel 8', 'iPhone 15', 'Galaxy S23'])[1 + n % 3],
       'Canary''s phone ' || pg_temp.canary('a', 1 + (n - 1) % :accounts), pg_temp.ago(430 + 300 * pg_temp.part('device', n)),
       pg_temp.ago(case when n % 25 = 0 then 367 + 50 * pg_temp.part('seen', n) else 50 * pg_temp.part('seen', n) end)
  from generate_series(1, :accounts * 6 / 5) as n;

insert into push.token (id, device_id, account_id, token, created_at, last_used_at)
overriding system value
select row_number() over (order by n, k), pg_temp.id('device', n), pg_temp.id('account', 1 + (n - 1) % :accounts),
       'canary-' || pg_temp.canary('a', 1 + (n - 1) % :accounts) || ':' || k || ':' || md5(n || 'token' || k || :'seed'),
       pg_temp.ago(420 + 10 * pg_temp.part('device', n)),
       pg_temp.ago(case when n % 25 = 0 then 367 + 50 * pg_temp.part('seen', n)
                        when k = 2 then 61 + 30 * pg_temp.part('seen', n) else 50 * pg_temp.part('seen', n) end)
  from generate_series(1, :accounts * 6 / 5) as n
 cross join lateral generate_series(1, case when n % 10 = 0 then 2 else 1 end) as k;

-- Marketplace: six installs a workspace; every 12th was removed lately, every 25th more than 30 days ago ---------------

insert into marketplace.install (id, workspace_id, app_id, version, settings, installed_at, uninstalled_at)
select pg_temp.id('install', n), pg_temp.id('workspace', 1 + n / 6), pg_temp.id('app', 1 + (n / 6 * 7 + n % 6) % 40),
       '1.' || n % 7 || '.0', jsonb_build_object('owner', 'Canary Contact ' || pg_temp.canary('w', 1 + n / 6)),
       pg_temp.ago(50 + 600 * pg_temp.part('install', n)),
       case when n % 25 = 7 then pg_temp.ago(31 + 15 * pg_temp.part('removed', n))
            when n % 12 = 5 then pg_temp.ago(28 * pg_temp.part('removed', n)) end
  from generate_series(0, :workspaces * 6 - 1) as n;

insert into marketplace.app_data (install_id, key, value, updated_at)
select pg_temp.id('install', n), 'key-' || k,
       jsonb_build_object('n', k, 'user', 'canary-user-' || pg_temp.canary('w', 1 + n / 6) || '@customer.example'),
       pg_temp.ago(30 + 20 * pg_temp.part('app data', n * 1000 + k))
  from generate_series(0, :workspaces * 6 - 1) as n
 cross join generate_series(1, 3 + :rest / 100 / (:workspaces * 6)) as k;

-- Billing: two years of monthly invoices, and older ones of workspaces that are long gone ------------------------------

insert into billing.customer (id, workspace_id, company_name, contact_name, email, address, vat_id, stripe_id, created_at)
select pg_temp.id('customer', n), id, 'Canary Works ' || pg_temp.canary('w', n), 'Canary Contact ' || pg_temp.canary('w', n),
       'canary-contact-' || pg_temp.canary('w', n) || '@customer.example',
       jsonb_build_object('street', 'Canary Lane ' || n, 'city', 'Lyon', 'country', 'FR'), 'FR' || 10000000000 + n,
       'cus_' || md5(id::text), pg_temp.ago(1000)
  from pg_temp.stage;

insert into billing.invoice (id, workspace_id, number, issued_at, currency, net_amount, tax_amount, lines, customer_name,
                             contact_name, contact_email, billing_address)
select pg_temp.id('invoice', n * 100 + month), id, upper(:'region') || '-' || n || '-' || month, issued_at, 'EUR', net,
       round(net * 0.19, 2), jsonb_build_array(jsonb_build_object('item', 'Pro, one month', 'seats', 10 + n % 50, 'net', net)),
       'Canary Works ' || pg_temp.canary('w', n), 'Canary Contact ' || pg_temp.canary('w', n),
       'canary-contact-' || pg_temp.canary('w', n) || '@customer.example',
       jsonb_build_object('street', 'Canary Lane ' || n, 'city', 'Lyon', 'country', 'FR')
  from pg_temp.stage
 cross join generate_series(0, 23) as month
 cross join lateral (select pg_temp.ago(2 + 30.4 * month), (8.00 * (10 + n % 50))::numeric(12, 2)) as bill (issued_at, net)
 where cancelled_at is null or issued_at < cancelled_at;

insert into billing.invoice (id, workspace_id, number, issued_at, currency, net_amount, tax_amount, lines, customer_name)
select pg_temp.id('old invoice', n), pg_temp.id('gone workspace', n / 12), upper(:'region') || '-OLD-' || n,
       pg_temp.ago(760 + 2960 * pg_temp.part('old invoice', n)), 'EUR', 80.00, 15.20,
       '[{"item": "Pro, one month", "seats": 10, "net": 80.00}]', 'former customer'
  from generate_series(1, :workspaces * 12) as n;

-- Marketing: two lists each.  11 to 13 withdrew their consent more than a week ago, 14 to 16 in the last days ----------

create temporary table contact on commit drop as
select n, pg_temp.id('contact', n) as id,
       pg_temp.ago(case n when 11 then 8.5 when 12 then 12.25 when 13 then 30.5 when 14 then 5.5 when 15 then 2.25
                          when 16 then 0.5 end) as withdrawn_at
  from generate_series(1, :contacts::bigint) as n;

insert into marketing.contact (id, email, name, country, source, status, created_at, consent_withdrawn_at)
select id, 'canary-reader-' || pg_temp.canary('r', n) || '@news.example', 'Canary Reader ' || pg_temp.canary('r', n),
       (array['DE', 'FR', 'BR', 'US', 'IN'])[pg_temp.pick('country', n, 5)], (array['website', 'fair', 'trial'])[1 + n % 3],
       case when withdrawn_at is not null then 'unsubscribed' when n % 30 = 0 then 'pending' else 'subscribed'
       end::marketing.contact_status,
       pg_temp.ago(1150 + 300 * pg_temp.part('contact', n)), withdrawn_at
  from pg_temp.contact;

insert into marketing.consent (id, contact_id, list, given_at, given_from, wording, withdrawn_at)
overriding system value
select 2 * n - 1 + k, id, (array['newsletter', 'product-updates'])[1 + k], pg_temp.ago(1140), pg_temp.ip('contact', n),
       'Yes, send me the ' || (array['newsletter', 'product updates'])[1 + k] || '. I can stop it at any time.',
       coalesce(withdrawn_at,
                case when k = 1 and n % 16 = 0 then pg_temp.ago(1097 + 30 * pg_temp.part('consent', n))
                     when k = 1 and n % 11 = 0 then pg_temp.ago(1000 * pg_temp.part('consent', n)) end)
  from pg_temp.contact
 cross join generate_series(0, 1) as k;

insert into marketing.delivery (id, contact_id, campaign, sent_at, opened_at, clicked)
overriding system value
select (n - 1) * 10 + k + 1, id, 'newsletter-' || k, sent_at,
       case when pg_temp.chance('opened', n * 10 + k) % 3 = 0 then sent_at + interval '5 hours' end,
       case when pg_temp.chance('opened', n * 10 + k) % 9 = 0 then '{https://www.vendor.example/news}'::text[] else '{}'::text[] end
  from pg_temp.contact
 cross join generate_series(0, 9) as k
 cross join lateral (select pg_temp.ago(31 + (k + pg_temp.part('sent', n)) * 35.1)) as delivery (sent_at);

-- Community ------------------------------------------------------------------------------------------------------------

insert into community.account (id, username, email, display_name, biography, status, created_at, last_active_at,
                               deletion_requested_at)
select pg_temp.id('poster', n), 'canary-poster-' || pg_temp.canary('p', n),
       'canary-poster-' || pg_temp.canary('p', n) || '@community.example', 'Canary Poster ' || pg_temp.canary('p', n),
       case when n % 4 = 0 then 'I am Canary Poster ' || pg_temp.canary('p', n) end,
       case when gone is null then 'active' else 'leaving' end::community.account_status,
       pg_temp.ago(700 + 600 * pg_temp.part('poster', n)), pg_temp.ago(coalesce(gone, 60 * pg_temp.part('active', n))),
       pg_temp.ago(gone)
  from generate_series(1, :few) as n
 cross join lateral (select case n when 11 then 33.5 when 12 then 45.5 when 13 then 12.5 when 14 then 1.5
                            end::double precision) as stage (gone);

-- the authors of every twentieth post left long ago
insert into community.post (id, author_id, author_name, topic, body, created_at, edited_at)
overriding system value
select n, case when n % 20 <> 0 then pg_temp.id('poster', author) end,
       case when n % 20 <> 0 then 'Canary Poster ' || pg_temp.canary('p', author) else 'deleted user' end,
       'topic ' || n / 12, pg_temp.prose('post', n), created_at, case when n % 15 = 0 then created_at + interval '1 hour' end
  from (select n, pg_temp.pick('author', n, :few) as author, pg_temp.ago(50 + 650 * (1 - n::double precision / :many)) as created_at
          from generate_series(1, :many::bigint) as n) as post;

insert into community.reaction (post_id, account_id, emoji, created_at)
select n, pg_temp.id('poster', pg_temp.pick('fan', n, :few)), (array[':+1:', ':heart:', ':eyes:'])[1 + n % 3],
       pg_temp.ago(50 * pg_temp.part('reaction', n))
  from generate_series(1, :many::bigint) as n;

-- Support: four of five tickets are closed, one in 25 longer ago than 180 days -----------------------------------------

insert into support.ticket (id, account_id, product, kind, reporter_name, reporter_email, subject, details, opened_at, closed_at)
overriding system value
select n, case when n % 10 < 7 then pg_temp.id('account', who) end,
       (array['confluence_addon', 'confluence_addon', 'confluence_addon', 'cloud', 'mobile', 'marketplace']
       )[1 + n % 6]::support.product,
       (array['support', 'support', 'support', 'feature_request'])[1 + n % 4]::support.ticket_kind,
       case when n % 10 < 7 then 'Canary Lastname ' || pg_temp.canary('a', who) else 'Canary Caller ' || pg_temp.canary('t', n) end,
       'canary-' || case when n % 10 < 7 then pg_temp.canary('a', who) else pg_temp.canary('t', n) end || '@customer.example',
       'Canary question ' || n, jsonb_build_object('version', '2.' || n % 9, 'site', 'wiki' || n || '.customer.example'),
       pg_temp.ago(coalesce(closed, 0) + 12 * pg_temp.part('opened', n)), pg_temp.ago(closed)
  from generate_series(1, :few) as n
 cross join lateral (select pg_temp.pick('reporter', n, :accounts),
                            case when n % 5 = 0 then null
                                 when n % 25 = 1 then 182 + 14 * pg_temp.part('closed', n)
                                 else 170 * pg_temp.part('closed', n) end) as ticket (who, closed);

insert into support.ticket_message (id, ticket_id, channel, from_us, body, sent_at)
overriding system value
select (id - 1) * 5 + k, id, (array['web', 'email', 'chat'])[1 + id % 3]::support.channel, k % 2 = 0,
       case when k % 2 = 0 then 'Dear ' || reporter_name || ', ' else 'Hello, this is ' || reporter_name || '; ' end
       || pg_temp.prose('ticket', id * 5 + k),
       opened_at + k * interval '20 minutes'
  from support.ticket
 cross join generate_series(1, 5) as k;

insert into support.attachment (id, message_id, file_name, media_type, content, created_at)
select pg_temp.id('attachment', message.id), message.id, 'console-' || message.id || '.log', 'text/plain',
       convert_to(repeat(ticket.reporter_email || ' GET /rest/addon/1.0/status 500 ' || md5(message.id::text) || chr(10),
                         (20 + message.id % 50)::integer), 'UTF8'),
       message.sent_at
  from support.ticket_message as message
  join support.ticket on ticket.id = message.ticket_id
 where ticket.product = 'confluence_addon' and message.id % 5 = 1;

insert into support.survey_response (id, ticket_id, score, remark, submitted_at)
overriding system value
select row_number() over (order by id), id, pg_temp.chance('score', id) % 11,
       case when id % 8 = 0 then reporter_name || ' says: ' || pg_temp.prose('survey', id) end, closed_at
  from support.ticket where closed_at is not null and id % 4 = 0;

-- Registry: 11 deregistered and 12 opted out long ago, 13 and 14 lately ------------------------------------------------

insert into registry.server (id, hostname, admin_email, version, registered_at, opted_in_at, opted_out_at, deregistered_at)
select pg_temp.id('server', n), 'canary-host-' || pg_temp.canary('s', n) || '.example',
       'canary-admin-' || pg_temp.canary('s', n) || '@host.example', '6.' || n % 5 || '.2',
       pg_temp.ago(500 + 900 * pg_temp.part('server', n)), case when n % 4 <> 0 or n = 12 then pg_temp.ago(400) end,
       pg_temp.ago(case n when 12 then 38.5 when 14 then 2.5 end), pg_temp.ago(case n when 11 then 47.5 when 13 then 16.5 end)
  from generate_series(1, :workspaces * 4) as n;

-- reports of the servers that opted in, until they left
insert into registry.server_statistic (id, server_id, reported_at, version, metrics)
overriding system value
select row_number() over (order by n), server.id, reported_at, server.version,
       jsonb_build_object('users', 10 + pg_temp.chance('users', n) % 900, 'rooms', pg_temp.chance('rooms', n) % 200,
                          'uptime_days', n % 60)
  from (select n, pg_temp.id('server', pg_temp.pick('reporter', n, :workspaces * 4)) as id,
               pg_temp.ago(385 * (1 - n::double precision / (:many / 2))) as reported_at
          from generate_series(1, :many::bigint / 2) as n) as statistic
  join registry.server on server.id = statistic.id
 where server.opted_in_at is not null and (server.left_at is null or reported_at < server.left_at);

-- The end: indexes are built, identities go on behind the highest id, every foreign key is looked up -------------------

do $$
declare
    v     record;
    v_bad bigint;
begin
    for v in select definition from pg_temp.later loop
        execute v.definition;
    end loop;
    for v in
        select attrelid::regclass as tab, attname as col
          from pg_attribute
         where attidentity <> '' and not attisdropped
           and exists (select from pg_class where oid = attrelid and not relispartition)
           and attrelid::regclass::text ~ '^(cloud|telemetry|push|marketing|community|support|registry)\.'
    loop
        execute format('select setval(pg_get_serial_sequence(%L, %L), coalesce(max(%I), 1)) from %s', v.tab, v.col, v.col, v.tab);
    end loop;
    for v in
        select conrelid::regclass as child, confrelid::regclass as parent, conname as name,
               (select attname from pg_attribute where attrelid = conrelid and attnum = conkey[1]) as col,
               (select attname from pg_attribute where attrelid = confrelid and attnum = confkey[1]) as key
          from pg_constraint
         where contype = 'f' and cardinality(conkey) = 1
           and conrelid::regclass::text ~ '^(cloud|telemetry|push|marketplace|billing|marketing|community|support|registry)\.'
    loop
        execute format('select count(*) from %s as c where c.%I is not null and not exists (select from %s as p where p.%I = c.%I)',
                       v.child, v.col, v.parent, v.key, v.col)
           into v_bad;
        if v_bad > 0 then
            raise exception 'the generator is wrong: % rows of % break %', v_bad, v.child, v.name;
        end if;
    end loop;
end;
$$;

commit;

set client_min_messages = error; -- only a superuser can vacuum what all databases share
set default_statistics_target = 50; -- half of the usual samples, half of the time
vacuum (analyze);
