-- SPDX-License-Identifier: Apache-2.0
-- Copies elsewhere: what each store still holds of what a disposal erased.

create table expunge.copy (
    disposal        bigint      not null references expunge.disposal (id),
    store           text        not null,
    state           text        not null default 'pending'
                    check (state in ('pending', 'present', 'dated', 'gone')),
    items           bigint      not null default 0,          -- files, objects, sets that hold rows
    until           timestamptz,                             -- dated: when the last of them goes; null: not known
    detail          text,                                    -- names of sets, for people; never a subject's key
    noted_at        timestamptz not null default now(),
    checked_at      timestamptz,                             -- the store's last answer
    gone_at         timestamptz,
    attempts        integer     not null default 0,          -- without an answer, or without success, since the last one
    next_attempt_at timestamptz,
    last_error      text,
    primary key (disposal, store),
    check (state <> 'gone' or items = 0)
);
create index copy_waiting on expunge.copy (store, disposal) where state <> 'gone';

-- Where the WAL stood when the last row was gone; and the redo point of a checkpoint that came after the pages were vacuumed.
alter table expunge.disposal add column erased_lsn pg_lsn;
alter table expunge.disposal add column barrier_lsn pg_lsn;

-- The promised window (cleared_within) as of the last look: the last copy is to be gone by then.
alter table expunge.disposal add column clear_by timestamptz;

grant select, insert, update, delete on expunge.copy to expunge_worker;
