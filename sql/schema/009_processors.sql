-- SPDX-License-Identifier: Apache-2.0
-- Third parties that must erase, too: one message per disposal, processor and row of values.

create table expunge.processor_task (
    disposal        bigint      not null references expunge.disposal (id),
    processor       text        not null,
    number          integer     not null,                    -- 1 …: of the rows that gave the values
    message_id      text        not null unique check (message_id ~ '^msg_[0-9a-f]{32}$'), -- the same over all attempts
    state           text        not null default 'waiting'
                    check (state in ('waiting', 'requested', 'accepted', 'confirmed', 'settled', 'not_concerned')),
    call            integer     not null default 0,          -- of the processor's requests: the next one
    round           integer     not null default 0,          -- how often it was begun again, because the processor gave up
    sealed          bytea,                                   -- the values, under a key of their own; forgotten with it
    key_id          text,
    receipt         text,
    confirmed_by    text        check (confirmed_by in ('answer', 'term', 'person')),
    made_at         timestamptz not null default now(),
    deadline        timestamptz not null,
    requested_at    timestamptz,
    accepted_at     timestamptz,
    confirmed_at    timestamptz,
    settled_by      text,
    settle_reason   text,
    attempts        integer     not null default 0,          -- that failed, one after the other
    next_attempt_at timestamptz,
    last_error      text,
    primary key (disposal, processor, number)
);
create index processor_task_open on expunge.processor_task (disposal)
 where state in ('waiting', 'requested', 'accepted') or key_id is not null;

-- Keys that are made and seal nothing yet: written down before they are used, so that none is left behind by a crash.
create table expunge.processor_key (
    disposal bigint not null references expunge.disposal (id),
    key_id   text   primary key
);
create index processor_key_disposal on expunge.processor_key (disposal);

-- What the notifier sees of a disposal: whether the processors may be told, and no key of a subject.
create view expunge.processor_work as
select t.disposal, t.processor, t.number, t.message_id, t.state, t.call, t.round, t.sealed, t.key_id, t.receipt,
       t.confirmed_by, t.made_at, t.deadline, t.requested_at, t.accepted_at, t.confirmed_at, t.attempts, t.next_attempt_at,
       t.last_error, d.kind, d.commitment, d.erased_at, d.state = 'erased' and d.restored_at is null as may_be_told, x.held,
       t.state in ('waiting', 'requested', 'accepted') as is_open,
       t.state in ('waiting', 'requested', 'accepted') and t.deadline < now() and d.state = 'erased' and d.restored_at is null
       and not x.held as overdue
  from expunge.processor_task t
  join expunge.disposal d on d.id = t.disposal
 cross join lateral (select exists (select from expunge.hold h
                                     where h.kind = d.kind
                                       and h.subject_key = d.subject_key
                                       and h.released_at is null
                                       and (h.expires_at is null or h.expires_at > now()))) x(held);

do $$
begin
    if not exists (select from pg_roles where rolname = 'expunge_notifier') then
        create role expunge_notifier nologin;
    end if;
end
$$;

grant usage on schema expunge to expunge_notifier;
grant select on expunge.installation, expunge.migration, expunge.processor_task, expunge.processor_work to expunge_notifier;
grant update (state, call, round, sealed, key_id, receipt, confirmed_by, requested_at, accepted_at, confirmed_at, settled_by,
              settle_reason, attempts, next_attempt_at, last_error) on expunge.processor_task to expunge_notifier;
grant insert on expunge.outbox to expunge_notifier;
grant select (id) on expunge.outbox to expunge_notifier; -- whether the database was restored from a backup
grant select (id, ledger_seq) on expunge.disposal to expunge_notifier;
grant select, insert, update, delete on expunge.processor_task to expunge_worker;
grant select, insert, delete on expunge.processor_key to expunge_worker;
grant select on expunge.processor_work to expunge_worker;
