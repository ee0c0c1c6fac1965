-- SPDX-License-Identifier: Apache-2.0
-- Schema expunge: what the worker keeps in each database.  It has no foreign key to any table of the application.

create schema if not exists expunge;

create table expunge.migration (
    version    integer     not null primary key,
    name       text        not null,
    applied_at timestamptz not null default now()
);

create table expunge.installation (
    only_one      boolean     not null primary key default true check (only_one),
    id            uuid        not null default gen_random_uuid(),
    database_name text        not null,
    region        text,
    installed_at  timestamptz not null default now(),
    paused_at     timestamptz,
    paused_by     text,
    pause_reason  text,
    accepted_at   timestamptz,
    accepted      text[]      -- the scope's items at the last "check --accept"
);

-- One unit of work: one policy's rows up to a frozen cutoff, or one subject.
create table expunge.disposal (
    id                   bigint      not null primary key generated always as identity,
    kind                 text        not null,               -- 'policy' or the kind of subject
    name                 text        not null,               -- the policy's name; for a subject, its commitment's first digits
    subject_key          text,                               -- forgotten when the disposal is cleared or withdrawn
    incarnation          text,                               -- forgotten likewise
    commitment           text,                               -- keyed digest of kind, key and incarnation
    ground               text        not null,
    immediate            boolean     not null default false,
    state                text        not null default 'open'
                         check (state in ('open', 'archived', 'erasing', 'erased', 'cleared', 'withdrawn')),
    as_of                timestamptz not null,               -- frozen: every window is judged from here
    cutoff               timestamptz,                        -- policy: rows older than this
    ended_at             timestamptz,                        -- subject: as its root said when the disposal was opened
    opened_at            timestamptz not null default now(),
    archived_at          timestamptz,
    erase_after          timestamptz,                        -- the end of the grace period
    erasing_at           timestamptz,
    erased_at            timestamptz,
    cleared_at           timestamptz,
    withdrawn_at         timestamptz,
    root_erased          boolean     not null default false, -- the subject's root row is gone, by our hand
    store                text,
    snapshot_name        text,
    snapshot_id          text,
    key_id               text,
    snapshot_digest      text,
    key_destroyed_at     timestamptz,
    configuration_digest text        not null,
    attempts             integer     not null default 0,
    last_error           text,
    next_attempt_at      timestamptz,
    ledger_seq           bigint,                             -- newest entry in the ledger about this disposal
    ledger_digest        text
);
create unique index disposal_subject_key on expunge.disposal (kind, subject_key)
 where subject_key is not null and state not in ('cleared', 'withdrawn');
create unique index disposal_policy_key on expunge.disposal (name)
 where kind = 'policy' and state = 'open';
create index disposal_state on expunge.disposal (state, id);
create index disposal_commitment on expunge.disposal (commitment);

-- What a disposal does to one table, and where a resumable pass over it stands.
create table expunge.disposal_table (
    disposal      bigint  not null references expunge.disposal (id),
    number        integer not null,                          -- 1 …: the file's number in the snapshot
    schema_name   text    not null,
    table_name    text    not null,
    action        text    not null check (action in ('delete', 'set_null', 'set_default', 'anonymise', 'keep')),
    edge          text    not null default '',               -- which edge changes the values; empty for 'delete'
    rows_archived bigint  not null default 0,
    rows_done     bigint  not null default 0,                -- erased, or changed
    position      text[],                                    -- the last key of the last committed batch
    mark_bytes    bigint  not null default 0,
    mark_frames   bigint  not null default 0,
    mark_rows     bigint  not null default 0,
    mark_plain    bigint  not null default 0,
    primary key (disposal, number),
    unique (disposal, schema_name, table_name, action, edge)
);

-- Batches of a move that disposal_table does not hold yet.  A batch deletes by a snapshot that is older than the end of the
-- batch before, and so may change no row that the other one changed: each adds one, and the pass folds them together.
-- No foreign key: it would lock the disposal's row in each batch.
create table expunge.move_batch (
    disposal      bigint  not null,
    number        integer not null,
    bytes_before  bigint  not null,                          -- where the file stood: two workers cannot both go on from there
    rows          bigint  not null,
    position      text[],                                    -- as in disposal_table, and so are the marks; null: to the end
    mark_bytes    bigint  not null,
    mark_frames   bigint  not null,
    mark_rows     bigint  not null,
    mark_plain    bigint  not null,
    primary key (disposal, number, bytes_before)
);

-- What is not erased with a disposal, why, and until when.
create table expunge.not_erased (
    disposal bigint  not null references expunge.disposal (id),
    number   integer not null,
    what     text    not null,
    why      text    not null,
    rows     bigint  not null,
    until    timestamptz,
    primary key (disposal, number)
);

create table expunge.hold (
    id          bigint      not null primary key generated always as identity,
    kind        text        not null,
    subject_key text        not null check (btrim(subject_key) = subject_key and subject_key <> ''),
    type        text        not null check (type in ('legal', 'legal_process', 'restriction')),
    reason      text        not null,
    reference   text,
    placed_at   timestamptz not null default now(),
    placed_by   text        not null default session_user,
    expires_at  timestamptz,
    released_at timestamptz,
    released_by text,
    release_reason text
);
create index hold_subject on expunge.hold (kind, subject_key) where released_at is null;

-- Ledger entries of committed transactions that may not have reached the ledger's file yet.
create table expunge.outbox (
    id         text        not null primary key check (id ~ '^[0-9a-f]{32}$'),
    number     bigint      not null generated always as identity,
    disposal   bigint,
    event      text        not null,
    fields     text        not null,
    written_at timestamptz not null default now()
);

do $$
begin
    if not exists (select from pg_roles where rolname = 'expunge_worker') then
        create role expunge_worker nologin;
    end if;
    if not exists (select from pg_roles where rolname = 'expunge_support') then
        create role expunge_support nologin;
    end if;
    if not exists (select from pg_roles where rolname = 'expunge_auditor') then
        create role expunge_auditor nologin;
    end if;
end
$$;

do $$
begin
    grant pg_read_all_stats to expunge_worker; -- a replica's lag is hidden from others
exception
    when insufficient_privilege then
        raise notice 'expunge_worker cannot see how far replicas are behind: grant pg_read_all_stats to it';
end
$$;

revoke all on schema expunge from public;
grant usage on schema expunge to expunge_worker, expunge_support, expunge_auditor;
grant select, insert, update, delete on all tables in schema expunge to expunge_worker;
revoke insert, delete on expunge.hold from expunge_worker;
revoke insert, update, delete on expunge.migration from expunge_worker;
