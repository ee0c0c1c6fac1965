-- schema.sql -- the vendor's control plane, one database per region.  The demo, the tests and the figures run on it.
-- SPDX-License-Identifier: Apache-2.0
--
-- Every class of data that a promise names has a table here (P…, C…: see the report and etc/expunge.conf).
-- What the worker relies on: every referencing column has an index, and a table with a window of its own
-- has an index that begins with its age.  No table holds content of a customer's Confluence server (C1).
--
--   psql -v ON_ERROR_STOP=1 -f schema.sql

begin;

create schema cloud;
create schema telemetry;
create schema push;
create schema marketplace;
create schema billing;
create schema marketing;
create schema community;
create schema support;
create schema registry;

-- cloud: hosted workspaces, and the people who use them (P3, P4, P5, P9, P10, P13) ------------------------------------

create type cloud.workspace_status as enum ('trial', 'active', 'suspended', 'cancelled');
create type cloud.account_status as enum ('active', 'suspended', 'leaving');
create type cloud.member_role as enum ('owner', 'admin', 'member', 'guest');
create type cloud.room_kind as enum ('channel', 'group', 'direct');

create table cloud.region (
    code         text primary key,
    name         text not null,
    jurisdiction text not null
);

create table cloud.plan (
    code          text primary key,
    name          text not null,
    monthly_price numeric(10, 2) not null,
    max_members   integer,
    features      text[] not null default '{}'
);

create table cloud.workspace (
    id             uuid primary key,
    name           text not null,
    subdomain      text not null unique,
    region         text not null references cloud.region (code),
    plan           text not null references cloud.plan (code),
    status         cloud.workspace_status not null default 'trial',
    contact_name   text,
    contact_email  text,
    settings       jsonb not null default '{}',
    created_at     timestamptz not null default current_timestamp,
    cancelled_at   timestamptz,
    cancel_reason  text,
    reactivated_at timestamptz,
    constraint workspace_cancelled_has_a_date check ((status = 'cancelled') = (cancelled_at is not null))
);
create index workspace_region_idx on cloud.workspace (region);
create index workspace_plan_idx on cloud.workspace (plan);
create index workspace_cancelled_at_idx on cloud.workspace (cancelled_at);

create table cloud.account (
    id                    uuid primary key,
    email                 text not null unique,
    display_name          text not null,
    password_hash         bytea not null,
    locale                text not null default 'en',
    last_login_ip         inet,
    is_minor              boolean not null default false,
    parental_consent_at   timestamptz, -- null while a minor's consent is not verified
    guardian_email        text,
    status                cloud.account_status not null default 'active',
    created_at            timestamptz not null default current_timestamp,
    last_seen_at          timestamptz,
    deletion_requested_at timestamptz,
    constraint account_leaving_has_a_date check ((status = 'leaving') = (deletion_requested_at is not null))
);
create index account_deletion_requested_at_idx on cloud.account (deletion_requested_at);
create index account_minor_without_consent_idx on cloud.account (created_at) where is_minor and parental_consent_at is null;

create table cloud.session (
    id           bigint generated always as identity primary key,
    account_id   uuid not null references cloud.account (id),
    token_hash   bytea not null,
    client_ip    inet not null,
    user_agent   text not null,
    created_at   timestamptz not null,
    last_used_at timestamptz not null
);
create index session_account_id_idx on cloud.session (account_id, id);
create index session_last_used_at_idx on cloud.session (last_used_at, id);

-- What a member wrote belongs to the workspace.  When the person leaves, the member stays without a name.
create table cloud.member (
    id           bigint generated always as identity primary key,
    workspace_id uuid not null references cloud.workspace (id),
    account_id   uuid references cloud.account (id) on delete set null,
    username     text not null,
    display_name text not null,
    email        text,
    role         cloud.member_role not null default 'member',
    joined_at    timestamptz not null,
    unique (workspace_id, account_id),
    unique (workspace_id, username)
);
create index member_account_id_idx on cloud.member (account_id);

create table cloud.room (
    id           bigint generated always as identity primary key,
    workspace_id uuid not null references cloud.workspace (id),
    kind         cloud.room_kind not null,
    name         text not null,
    topic        text,
    created_at   timestamptz not null,
    unique (workspace_id, name)
);

create table cloud.message (
    id        bigint generated always as identity primary key,
    room_id   bigint not null references cloud.room (id),
    member_id bigint not null references cloud.member (id),
    parent_id bigint references cloud.message (id), -- threads; a parent cannot go before its replies
    body      text not null,
    reactions jsonb,
    labels    text[] not null default '{}',
    sent_at   timestamptz not null,
    edited_at timestamptz
);
create index message_room_id_idx on cloud.message (room_id, id);
create index message_member_id_idx on cloud.message (member_id);
create index message_parent_id_idx on cloud.message (parent_id);

create table cloud.upload (
    id          uuid primary key,
    room_id     bigint not null references cloud.room (id),
    member_id   bigint not null references cloud.member (id),
    message_id  bigint references cloud.message (id),
    file_name   text not null,
    media_type  text not null,
    size_bytes  bigint not null check (size_bytes >= 0),
    sha256      bytea not null,
    preview     bytea,
    tags        text[] not null default '{}',
    uploaded_at timestamptz not null
);
create index upload_room_id_idx on cloud.upload (room_id);
create index upload_member_id_idx on cloud.upload (member_id);
create index upload_message_id_idx on cloud.upload (message_id);

-- telemetry: usage, location, cookies and tracking (P1, P2, P16) -------------------------------------------------------

create type telemetry.usage_purpose as enum ('operate', 'functionality', 'security');

-- Events arrive from a queue, also for workspaces that are gone: no foreign key.
create table telemetry.usage_event (
    id           bigint generated always as identity,
    occurred_at  timestamptz not null,
    workspace_id uuid not null,
    purpose      telemetry.usage_purpose not null default 'operate',
    name         text not null,
    client_ip    inet,
    user_agent   text,
    request_id   uuid,
    duration_ms  integer,
    properties   jsonb not null default '{}',
    primary key (occurred_at, id)
) partition by range (occurred_at);
create index usage_event_workspace_id_idx on telemetry.usage_event (workspace_id, occurred_at, id);

-- Creates the partitions for the months of p_first to p_last (UTC) that are not there yet; returns how many it created.
create function telemetry.create_usage_partitions(p_first timestamptz, p_last timestamptz)
returns integer
language plpgsql
set search_path = pg_catalog
set timezone = 'UTC'
as $$
declare
    v_month   timestamptz;
    v_name    text;
    v_created integer := 0;
begin
    for v_month in
        select month
          from pg_catalog.generate_series(pg_catalog.date_trunc('month', p_first), p_last, interval '1 month') as month
    loop
        v_name := pg_catalog.to_char(v_month, '"usage_event_"YYYY_MM');
        if pg_catalog.to_regclass(pg_catalog.format('telemetry.%I', v_name)) is null then
            execute pg_catalog.format(
                'create table telemetry.%I partition of telemetry.usage_event for values from (%L) to (%L)',
                v_name, v_month, v_month + interval '1 month');
            v_created := v_created + 1;
        end if;
    end loop;
    return v_created;
end;
$$;

create table telemetry.location_fix (
    id          bigint generated always as identity primary key,
    account_id  uuid not null references cloud.account (id),
    recorded_at timestamptz not null,
    latitude    double precision not null check (latitude between -90 and 90),
    longitude   double precision not null check (longitude between -180 and 180),
    accuracy_m  real,
    source      text not null
);
create index location_fix_recorded_at_idx on telemetry.location_fix (recorded_at, id);
create index location_fix_account_id_idx on telemetry.location_fix (account_id, recorded_at, id);

create table telemetry.cookie (
    id            uuid primary key,
    account_id    uuid references cloud.account (id), -- null until the visitor logs in
    consented_to  text[] not null default '{necessary}',
    user_agent    text,
    client_ip     inet,
    first_seen_at timestamptz not null,
    last_seen_at  timestamptz not null
);
create index cookie_account_id_idx on telemetry.cookie (account_id);
create index cookie_last_seen_at_idx on telemetry.cookie (last_seen_at, id);

create table telemetry.tracking_event (
    id          bigint generated always as identity primary key,
    cookie_id   uuid not null references telemetry.cookie (id),
    account_id  uuid, -- who was logged in at the time; no foreign key
    occurred_at timestamptz not null,
    url         text not null,
    referrer    text,
    campaign    jsonb,
    client_ip   inet
);
create index tracking_event_occurred_at_idx on telemetry.tracking_event (occurred_at, id);
create index tracking_event_cookie_id_idx on telemetry.tracking_event (cookie_id);
create index tracking_event_account_id_idx on telemetry.tracking_event (account_id);

-- push: devices and tokens of the mobile apps (P16) --------------------------------------------------------------------

create type push.platform as enum ('android', 'ios');

create table push.device (
    id           uuid primary key,
    account_id   uuid not null references cloud.account (id),
    platform     push.platform not null,
    model        text not null,
    name         text,
    created_at   timestamptz not null,
    last_seen_at timestamptz not null
);
create index device_account_id_idx on push.device (account_id);
create index device_last_seen_at_idx on push.device (last_seen_at, id);

create table push.token (
    id           bigint generated always as identity primary key,
    device_id    uuid not null references push.device (id) on delete cascade,
    account_id   uuid not null references cloud.account (id),
    token        text not null unique,
    created_at   timestamptz not null,
    last_used_at timestamptz not null
);
create index token_device_id_idx on push.token (device_id);
create index token_account_id_idx on push.token (account_id);
create index token_last_used_at_idx on push.token (last_used_at, id);

-- marketplace: apps, where they are installed, and what they keep there (P15) ------------------------------------------

create table marketplace.app_vendor (
    id          uuid primary key,
    name        text not null,
    support_url text not null
);

create table marketplace.app (
    id         uuid primary key,
    vendor_id  uuid not null references marketplace.app_vendor (id),
    slug       text not null unique,
    name       text not null,
    categories text[] not null default '{}'
);
create index app_vendor_id_idx on marketplace.app (vendor_id);

create table marketplace.install (
    id             uuid primary key,
    workspace_id   uuid not null references cloud.workspace (id),
    app_id         uuid not null references marketplace.app (id),
    version        text not null,
    settings       jsonb not null default '{}',
    installed_at   timestamptz not null,
    uninstalled_at timestamptz
);
create index install_workspace_id_idx on marketplace.install (workspace_id);
create index install_app_id_idx on marketplace.install (app_id);
create index install_uninstalled_at_idx on marketplace.install (uninstalled_at, id);

create table marketplace.app_data (
    install_id uuid not null references marketplace.install (id),
    key        text not null,
    value      jsonb not null,
    updated_at timestamptz not null,
    primary key (install_id, key)
);

-- billing: customers go with their workspace, invoices stay for the tax office (P6) ------------------------------------

create table billing.customer (
    id           uuid primary key,
    workspace_id uuid not null unique references cloud.workspace (id),
    company_name text not null,
    contact_name text,
    email        text not null,
    address      jsonb,
    vat_id       text,
    stripe_id    text unique,
    created_at   timestamptz not null
);

create table billing.invoice (
    id              uuid primary key,
    workspace_id    uuid not null, -- no foreign key: an invoice outlives its workspace
    number          text not null unique,
    issued_at       timestamptz not null,
    currency        char(3) not null,
    net_amount      numeric(12, 2) not null,
    tax_amount      numeric(12, 2) not null,
    lines           jsonb not null,
    customer_name   text,
    contact_name    text,
    contact_email   text,
    billing_address jsonb
);
create index invoice_issued_at_idx on billing.invoice (issued_at, id);
create index invoice_workspace_id_idx on billing.invoice (workspace_id);

-- marketing: newsletter contacts, what they consented to, what they were sent (P9, P16) --------------------------------

create type marketing.contact_status as enum ('pending', 'subscribed', 'unsubscribed');

create table marketing.contact (
    id                   uuid primary key,
    email                text not null unique,
    name                 text,
    country              char(2),
    source               text not null,
    status               marketing.contact_status not null default 'pending',
    created_at           timestamptz not null default current_timestamp,
    consent_withdrawn_at timestamptz,
    constraint contact_unsubscribed_has_a_date check ((status = 'unsubscribed') = (consent_withdrawn_at is not null))
);
create index contact_consent_withdrawn_at_idx on marketing.contact (consent_withdrawn_at);

create table marketing.consent (
    id           bigint generated always as identity primary key,
    contact_id   uuid not null references marketing.contact (id),
    list         text not null,
    given_at     timestamptz not null,
    given_from   inet,
    wording      text not null,
    withdrawn_at timestamptz,
    unique (contact_id, list)
);
create index consent_withdrawn_at_idx on marketing.consent (withdrawn_at, id);

create table marketing.delivery (
    id         bigint generated always as identity primary key,
    contact_id uuid not null references marketing.contact (id),
    campaign   text not null,
    sent_at    timestamptz not null,
    opened_at  timestamptz,
    clicked    text[] not null default '{}'
);
create index delivery_contact_id_idx on marketing.delivery (contact_id, id);
create index delivery_sent_at_idx on marketing.delivery (sent_at, id);

-- community: the public forum.  A person's posts stay, without the person (P9) -----------------------------------------

create type community.account_status as enum ('active', 'leaving');

create table community.account (
    id                    uuid primary key,
    username              text not null unique,
    email                 text not null unique,
    display_name          text,
    biography             text,
    status                community.account_status not null default 'active',
    created_at            timestamptz not null default current_timestamp,
    last_active_at        timestamptz,
    deletion_requested_at timestamptz,
    constraint account_leaving_has_a_date check ((status = 'leaving') = (deletion_requested_at is not null))
);
create index account_deletion_requested_at_idx on community.account (deletion_requested_at);

create table community.post (
    id          bigint generated always as identity primary key,
    author_id   uuid references community.account (id) on delete set null,
    author_name text not null,
    topic       text not null,
    body        text not null,
    created_at  timestamptz not null,
    edited_at   timestamptz
);
create index post_author_id_idx on community.post (author_id);
create index post_created_at_idx on community.post (created_at, id);

create table community.reaction (
    post_id    bigint not null references community.post (id),
    account_id uuid not null references community.account (id),
    emoji      text not null,
    created_at timestamptz not null,
    primary key (post_id, account_id)
);
create index reaction_account_id_idx on community.reaction (account_id, post_id);

-- support: tickets, also of the Confluence add-on, with what was sent to handle them (C2) ------------------------------

create type support.product as enum ('cloud', 'mobile', 'marketplace', 'confluence_addon');
create type support.ticket_kind as enum ('support', 'feature_request');
create type support.channel as enum ('web', 'email', 'chat');

create table support.ticket (
    id             bigint generated always as identity primary key,
    account_id     uuid references cloud.account (id), -- null: asked by mail, without an account
    product        support.product not null,
    kind           support.ticket_kind not null,
    reporter_name  text,
    reporter_email text not null,
    subject        text not null,
    details        jsonb not null default '{}', -- versions and settings, as the reporter gave them
    opened_at      timestamptz not null,
    closed_at      timestamptz -- null while the ticket is open: its window starts here
);
create index ticket_account_id_idx on support.ticket (account_id);
create index ticket_closed_at_idx on support.ticket (closed_at, id);

create table support.ticket_message (
    id        bigint generated always as identity primary key,
    ticket_id bigint not null references support.ticket (id),
    channel   support.channel not null,
    from_us   boolean not null,
    body      text not null,
    sent_at   timestamptz not null
);
create index ticket_message_ticket_id_idx on support.ticket_message (ticket_id);

create table support.attachment (
    id         uuid primary key,
    message_id bigint not null references support.ticket_message (id),
    file_name  text not null,
    media_type text not null,
    content    bytea not null, -- console logs and screenshots, as the reporter sent them
    created_at timestamptz not null
);
create index attachment_message_id_idx on support.attachment (message_id);

create table support.survey_response (
    id           bigint generated always as identity primary key,
    ticket_id    bigint not null references support.ticket (id),
    score        smallint not null check (score between 0 and 10),
    remark       text,
    submitted_at timestamptz not null
);
create index survey_response_ticket_id_idx on support.survey_response (ticket_id);

-- registry: self-managed servers that registered, and the statistics that they opted in to (P14) -----------------------

create table registry.server (
    id              uuid primary key,
    hostname        text not null,
    admin_email     text not null,
    version         text not null,
    registered_at   timestamptz not null,
    opted_in_at     timestamptz,
    opted_out_at    timestamptz,
    deregistered_at timestamptz,
    left_at         timestamptz generated always as (least(opted_out_at, deregistered_at)) stored
);
create index server_left_at_idx on registry.server (left_at);

create table registry.server_statistic (
    id          bigint generated always as identity primary key,
    server_id   uuid not null references registry.server (id),
    reported_at timestamptz not null,
    version     text not null,
    metrics     jsonb not null
);
create index server_statistic_server_id_idx on registry.server_statistic (server_id, id);
create index server_statistic_reported_at_idx on registry.server_statistic (reported_at, id);

commit;
