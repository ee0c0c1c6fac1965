-- SPDX-License-Identifier: Apache-2.0
-- What people ask for: requests, approvals, withdrawals, holds.  The functions write down wishes, and the worker acts on
-- them; whoever calls one is written down as session_user.  Their errors are of class RX, RX and the exit status of the
-- command that would say the same: RX064 is a mistake of the caller.  No message holds a key, a label or any other value.

-- What the functions must know of the configuration.  The worker writes it, and a statement of it runs as expunge_worker
-- and as nobody else: whoever may write here may do what that role may do anyway.
create table expunge.subject_kind (
    kind           text        not null primary key,
    root           text        not null,                     -- schema.table, for people
    look           text        not null,                     -- the root row of key $1; columns: key, incarnation, label
    grace          interval    not null,
    needs_approval boolean     not null,
    configuration  text        not null,                     -- its digest
    published_at   timestamptz not null default now()
);

alter table expunge.disposal add column requested_at timestamptz;                    -- null: nobody asked for it
alter table expunge.disposal add column requested_plainly boolean not null default false; -- by a request that leaves the grace period
alter table expunge.disposal add column withdrawal_at timestamptz;                   -- somebody wants it withdrawn
alter table expunge.disposal add column withdrawal_by text;
alter table expunge.disposal add column withdrawal_reason text;                      -- forgotten when it is withdrawn
alter table expunge.disposal add column withdrawal_recorded boolean not null default false;
alter table expunge.disposal add column plan_digest text;                            -- what an approval is to be of, as the worker counted
alter table expunge.disposal add column plan_at timestamptz;
create index disposal_requested on expunge.disposal (id) where requested_at is not null and state not in ('cleared', 'withdrawn');

-- Who asked, with which ticket, and how identity was verified: forgotten when the disposal is cleared or withdrawn; their
-- keyed commitment stays.
create table expunge.request (
    id           bigint      not null primary key generated always as identity,
    disposal     bigint      not null references expunge.disposal (id),
    ground       text        not null check (ground in ('contract_ended', 'customer_request', 'consent_withdrawn', 'objection',
                                                        'erasure_right', 'minor_without_consent', 'unlawful')),
    immediate    boolean     not null,
    ticket       text,
    requested_by text,
    verified_by  text,
    asked_at     timestamptz not null default clock_timestamp(),
    asked_by     text        not null,                       -- session_user
    commitment   text,
    recorded     boolean     not null default false          -- the ledger has it, or will
);
create index request_disposal on expunge.request (disposal);
create index request_unrecorded on expunge.request (id) where not recorded;

-- A second person's yes to exactly this plan.
create table expunge.approval (
    disposal    bigint      not null references expunge.disposal (id),
    plan_digest text        not null check (plan_digest ~ '^[0-9a-f]{64}$'),
    approved_by text        not null,                        -- session_user
    approved_at timestamptz not null default clock_timestamp(),
    recorded    boolean     not null default false,
    primary key (disposal, plan_digest, approved_by)
);

-- The plan that waits for an approval, as the worker counted it when it wrote down plan_digest.
create table expunge.plan_table (
    disposal   bigint not null references expunge.disposal (id),
    table_name text   not null,
    action     text   not null,
    rows       bigint not null,
    primary key (disposal, table_name, action)
);

-- What a hold forbade, once for each disposal and hold.
create table expunge.refusal (
    disposal   bigint      not null references expunge.disposal (id),
    hold       bigint      not null references expunge.hold (id),
    refused_at timestamptz not null default clock_timestamp(),
    state      text        not null,
    rows_done  bigint      not null,                         -- were gone already
    primary key (disposal, hold)
);

-- Whose hold it was, and the words about it, are forgotten with the subject.
alter table expunge.hold alter column subject_key drop not null;
alter table expunge.hold alter column reason drop not null;
alter table expunge.hold add column recorded boolean not null default false;
alter table expunge.hold add column release_recorded boolean not null default false;

-- The worker's role needs UPDATE to lock the table and to forget; it lifts no hold with it.
create function expunge.guard_hold() returns trigger language plpgsql
set search_path = pg_catalog, pg_temp as $$
begin
    if not pg_has_role(current_user, (select c.relowner from pg_class c where c.oid = tg_relid), 'usage')
       and ((new.id, new.kind, new.type, new.placed_at, new.placed_by, new.expires_at, new.released_at, new.released_by)
            is distinct from (old.id, old.kind, old.type, old.placed_at, old.placed_by, old.expires_at, old.released_at, old.released_by)
            or new.subject_key <> old.subject_key
            or (new.subject_key is null and old.released_at is null and (old.expires_at is null or old.expires_at > clock_timestamp()))) then
        raise exception 'a hold is lifted by expunge.release_hold alone' using errcode = 'RX077';
    end if;
    return new;
end;
$$;
create trigger hold_guard before update on expunge.hold for each row execute function expunge.guard_hold();

-- ---- judging what was said -------------------------------------------------------------------------------------------

create function expunge.judge_said(what text, said text) returns void language plpgsql
set search_path = pg_catalog, pg_temp as $$
begin
    if said is null or btrim(said, E' \t\n\r\f\x0b') = '' then
        raise exception '% is missing', what using errcode = 'RX064';
    end if;
    if length(said) > 500 then
        raise exception '% is longer than 500 characters', what using errcode = 'RX064';
    end if;
    if said ~ '[\x01-\x1f\x7f]' then
        raise exception '% holds a control character', what using errcode = 'RX064';
    end if;
end;
$$;

create function expunge.judge_key(key text) returns void language plpgsql
set search_path = pg_catalog, pg_temp as $$
begin
    if key is null or btrim(key, E' \t\n\r\f\x0b') = '' then
        raise exception 'the key is empty' using errcode = 'RX064';
    end if;
    if btrim(key, E' \t\n\r\f\x0b') <> key then
        raise exception 'the key begins or ends with white space: type it exactly' using errcode = 'RX064';
    end if;
    if key ~ '[*%?]' then
        raise exception 'a key names one subject: there are no wildcards' using errcode = 'RX064';
    end if;
    if length(key) > 1000 then
        raise exception 'the key is longer than 1000 characters' using errcode = 'RX064';
    end if;
end;
$$;

-- The weight of a ground: of two requests the stronger one's stays.
create function expunge.ground_rank(ground text) returns integer language sql immutable
set search_path = pg_catalog, pg_temp as $$
    select array_position(array['policy', 'contract_ended', 'customer_request', 'consent_withdrawn', 'objection', 'erasure_right',
                                'unlawful', 'minor_without_consent'], ground)
$$;

-- The root row as texts that no setting of the caller's session changes.
create function expunge.look_at_root(kind text, key text, out present boolean, out root_key text, out incarnation text, out label text)
language plpgsql security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres'
set extra_float_digits = 3 set bytea_output = 'hex' set xmloption = 'content' set row_security = off as $$
declare
    v_look text;
begin
    select k.look into v_look from expunge.subject_kind k where k.kind = look_at_root.kind;
    if not found then
        raise exception 'no such kind of subject is configured for this database' using errcode = 'RX064';
    end if;
    begin
        execute v_look into strict root_key, incarnation, label using key;
        present := true;
    exception
        when no_data_found then
            present := false;
        when data_exception or check_violation or not_null_violation then
            raise exception 'that cannot be the key of a %', kind using errcode = 'RX064';
        when others then
            raise exception 'the root row of a % could not be looked for (SQLSTATE %)', kind, sqlstate using errcode = 'RX069';
    end;
end;
$$;

-- ---- requests --------------------------------------------------------------------------------------------------------

create function expunge.request_erasure(kind text, key text, ground text, ticket text, requested_by text, verified_by text,
                                        immediate boolean default false, label text default null)
returns bigint language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
declare
    v_now  constant boolean := coalesce(request_erasure.immediate, false) or request_erasure.ground = 'minor_without_consent';
    v_kind expunge.subject_kind;
    v_root record;
    v_key  text;
    v_old  expunge.disposal;
    v_id   bigint;
begin
    perform expunge.judge_said('the kind', kind);
    perform expunge.judge_key(key);
    perform expunge.judge_said('the ground', ground);
    if expunge.ground_rank(ground) is null or ground = 'policy' then
        raise exception 'the ground is none of contract_ended, customer_request, consent_withdrawn, objection, erasure_right, minor_without_consent, unlawful'
            using errcode = 'RX064';
    end if;
    perform expunge.judge_said('the ticket', ticket);
    perform expunge.judge_said('who requested it', requested_by);
    perform expunge.judge_said('how identity was verified', verified_by);
    v_root := expunge.look_at_root(kind, key);
    select k.* into v_kind from expunge.subject_kind k where k.kind = request_erasure.kind;
    v_key := coalesce(v_root.root_key, key);
    loop
        select d.* into v_old from expunge.disposal d
         where d.kind = request_erasure.kind and d.subject_key = v_key and d.state not in ('cleared', 'withdrawn')
           for update;
        exit when found;
        if not v_root.present then
            raise exception 'there is no % of this key here, and none is being erased', kind using errcode = 'RX064';
        end if;
        exit when v_now and label is distinct from coalesce(nullif(btrim(v_root.label), ''), v_key); -- told below
        insert into expunge.disposal (kind, name, subject_key, incarnation, ground, immediate, as_of, erase_after,
                                      configuration_digest, requested_at, requested_plainly)
        values (request_erasure.kind, 'request', v_key, v_root.incarnation, request_erasure.ground, v_now, clock_timestamp(),
                clock_timestamp() + v_kind.grace, v_kind.configuration, clock_timestamp(), not v_now)
            on conflict do nothing
        returning id into v_id;
        exit when v_id is not null;
    end loop;
    if v_now and label is null then
        raise exception 'it would go at once: the label of its root row, typed again, is missing' using errcode = 'RX064';
    end if;
    if v_now and label is distinct from coalesce(nullif(btrim(v_root.label), ''), v_key) then
        raise exception 'the label that was typed is not the one of this %: is it the right key?', kind using errcode = 'RX064';
    end if;
    if v_id is null then
        if v_root.present and v_old.incarnation is distinct from v_root.incarnation then
            raise exception 'an older disposal of this key is under way, of another % than the one that has it now: ask again when it has ended', kind
                using errcode = 'RX075';
        end if;
        if v_old.withdrawal_at is not null then
            raise exception 'disposal % of this % is being withdrawn: ask again when it is', v_old.id, kind using errcode = 'RX075';
        end if;
        v_id := v_old.id;
        update expunge.disposal d
           set immediate = d.immediate or v_now,
               requested_plainly = d.requested_plainly or not v_now,
               requested_at = coalesce(d.requested_at, clock_timestamp()),
               ground = case when expunge.ground_rank(request_erasure.ground) > coalesce(expunge.ground_rank(d.ground), 0)
                             then request_erasure.ground else d.ground end,
               next_attempt_at = null
         where d.id = v_id;
    end if;
    insert into expunge.request (disposal, ground, immediate, ticket, requested_by, verified_by, asked_by)
    values (v_id, request_erasure.ground, v_now, request_erasure.ticket, request_erasure.requested_by, request_erasure.verified_by, session_user);
    perform pg_notify('expunge_request', '');
    return v_id;
end;
$$;

create function expunge.approve(disposal bigint, plan_digest text) returns void language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
declare
    v_old expunge.disposal;
begin
    if plan_digest is null or plan_digest !~ '^[0-9a-f]{64}$' then
        raise exception 'a plan''s digest is 64 hexadecimal digits, in lower case' using errcode = 'RX064';
    end if;
    select d.* into v_old from expunge.disposal d where d.id = approve.disposal for update;
    if not found or v_old.kind = 'policy' then
        raise exception 'there is no such disposal of a subject' using errcode = 'RX064';
    end if;
    if not v_old.immediate or not coalesce((select k.needs_approval from expunge.subject_kind k where k.kind = v_old.kind), false) then
        raise exception 'disposal % waits for no approval', v_old.id using errcode = 'RX064';
    end if;
    if v_old.state not in ('open', 'archived') or v_old.withdrawal_at is not null then
        raise exception 'disposal % waits for no approval any more: it is %', v_old.id,
            case when v_old.withdrawal_at is null then v_old.state else 'being withdrawn' end using errcode = 'RX011';
    end if;
    if not exists (select from expunge.request r where r.disposal = v_old.id and r.immediate and r.asked_by <> session_user) then
        raise exception 'whoever asked for it does not approve it: that takes a second person, with a database user of their own'
            using errcode = 'RX011';
    end if;
    insert into expunge.approval (disposal, plan_digest, approved_by)
    values (v_old.id, approve.plan_digest, session_user)
        on conflict on constraint approval_pkey do update set approved_at = clock_timestamp();
    update expunge.disposal d set next_attempt_at = null where d.id = v_old.id;
    perform pg_notify('expunge_request', '');
end;
$$;

create function expunge.withdraw(disposal bigint, reason text) returns void language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
declare
    v_old expunge.disposal;
begin
    perform expunge.judge_said('the reason', reason);
    select d.* into v_old from expunge.disposal d where d.id = withdraw.disposal for update;
    if not found or v_old.kind = 'policy' then
        raise exception 'there is no such disposal of a subject' using errcode = 'RX064';
    end if;
    if v_old.state not in ('open', 'archived') then
        raise exception 'disposal % is %: it cannot be withdrawn any more', v_old.id, v_old.state using errcode = 'RX011';
    end if;
    update expunge.disposal d
       set withdrawal_at = clock_timestamp(), withdrawal_by = session_user, withdrawal_reason = withdraw.reason, next_attempt_at = null
     where d.id = v_old.id and d.withdrawal_at is null;
    perform pg_notify('expunge_request', '');
end;
$$;

-- ---- holds -----------------------------------------------------------------------------------------------------------

create function expunge.place_hold(kind text, key text, type text, reason text, expires_at timestamptz default null, reference text default null)
returns bigint language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
declare
    v_root record;
    v_id   bigint;
begin
    perform expunge.judge_said('the kind', kind);
    perform expunge.judge_key(key);
    perform expunge.judge_said('the type of the hold', type);
    if type not in ('legal', 'legal_process', 'restriction') then
        raise exception 'the type of a hold is legal, legal_process or restriction' using errcode = 'RX064';
    end if;
    perform expunge.judge_said('the reason', reason);
    if reference is not null or type = 'legal_process' then
        perform expunge.judge_said('the reference', reference);
    end if;
    if expires_at is not null and (not isfinite(expires_at) or expires_at <= clock_timestamp()) then
        raise exception 'a hold ends in the future, at a point in time, or has no end' using errcode = 'RX064';
    end if;
    v_root := expunge.look_at_root(kind, key);
    if not v_root.present and not exists (select from expunge.disposal d
                                           where d.kind = place_hold.kind and d.subject_key = key and d.state not in ('cleared', 'withdrawn')) then
        raise exception 'there is no % of this key here, and none is being erased: a hold would hold nobody', kind using errcode = 'RX064';
    end if;
    insert into expunge.hold (kind, subject_key, type, reason, reference, placed_at, placed_by, expires_at)
    values (place_hold.kind, coalesce(v_root.root_key, key), place_hold.type, place_hold.reason, place_hold.reference, clock_timestamp(),
            session_user, place_hold.expires_at)
    returning id into v_id;
    perform pg_notify('expunge_request', '');
    return v_id;
end;
$$;

create function expunge.release_hold(hold bigint, reason text) returns void language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
declare
    v_old expunge.hold;
begin
    perform expunge.judge_said('the reason', reason);
    select h.* into v_old from expunge.hold h where h.id = release_hold.hold for update;
    if not found then
        raise exception 'there is no such hold' using errcode = 'RX064';
    end if;
    if v_old.released_at is not null then
        raise exception 'hold % is released already', v_old.id using errcode = 'RX064';
    end if;
    update expunge.hold h
       set released_at = clock_timestamp(), released_by = session_user, release_reason = release_hold.reason
     where h.id = v_old.id;
    perform pg_notify('expunge_request', '');
end;
$$;

-- ---- looking ---------------------------------------------------------------------------------------------------------

-- Whether a second person has approved what an immediate disposal is about to do, as far as the worker knows.
create function expunge.is_approved(disposal bigint) returns boolean language sql stable
set search_path = pg_catalog, pg_temp as $$
    select exists (select
                     from expunge.approval a
                     join expunge.disposal d on d.id = a.disposal
                    where a.disposal = is_approved.disposal
                      and (d.plan_at is null or a.plan_digest = d.plan_digest or a.approved_at > d.plan_at)
                      and exists (select from expunge.request r where r.disposal = d.id and r.immediate and r.asked_by <> a.approved_by))
$$;

-- What is known of a subject, without personal data: the subject itself, its disposals, requests and holds.
create function expunge.subject_status(kind text, key text)
returns table (item text, id bigint, disposal bigint, state text, ground text, immediate boolean, since timestamptz, until timestamptz,
               waits_for text, plan_digest text)
language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    v_root record;
    v_key  text;
begin
    perform expunge.judge_said('the kind', subject_status.kind);
    perform expunge.judge_key(subject_status.key);
    v_root := expunge.look_at_root(subject_status.kind, subject_status.key);
    v_key := coalesce(v_root.root_key, subject_status.key);
    return query
    select 'subject', null::bigint, null::bigint, case when v_root.present then 'present' else 'absent' end, null::text, null::boolean,
           null::timestamptz, null::timestamptz, null::text, null::text;
    return query
    select 'disposal', d.id, d.id, d.state, d.ground, d.immediate, d.opened_at, d.erase_after,
           case when d.withdrawal_at is not null then 'its withdrawal'
                when exists (select from expunge.hold h
                              where h.kind = d.kind and h.subject_key = d.subject_key and h.released_at is null
                                and (h.expires_at is null or h.expires_at > clock_timestamp())) then 'the end of a hold'
                when d.immediate and k.needs_approval and d.state in ('open', 'archived') and not expunge.is_approved(d.id) then 'an approval'
                when not d.immediate and d.state = 'archived' and d.erase_after > clock_timestamp() then 'the end of its grace period'
                else 'the worker' end,
           d.plan_digest
      from expunge.disposal d
      left join expunge.subject_kind k on k.kind = d.kind
     where d.kind = subject_status.kind and d.subject_key = v_key and d.state not in ('cleared', 'withdrawn');
    return query
    select 'request', r.id, r.disposal, null::text, r.ground, r.immediate, r.asked_at, null::timestamptz, null::text, null::text
      from expunge.request r
      join expunge.disposal d on d.id = r.disposal
     where d.kind = subject_status.kind and d.subject_key = v_key and d.state not in ('cleared', 'withdrawn')
     order by r.id;
    return query
    select 'hold', h.id, null::bigint,
           case when h.released_at is not null then 'released' when h.expires_at <= clock_timestamp() then 'over' else 'in force' end,
           h.type, null::boolean, h.placed_at, coalesce(h.released_at, h.expires_at), null::text, null::text
      from expunge.hold h
     where h.kind = subject_status.kind and h.subject_key = v_key
     order by h.id;
end;
$$;

-- What is to be approved, as the worker counted it.
create function expunge.disposal_plan(disposal bigint)
returns table (table_name text, action text, rows bigint, plan_digest text, planned_at timestamptz)
language sql stable security definer
set search_path = pg_catalog, pg_temp as $$
    select p.table_name, p.action, p.rows, d.plan_digest, d.plan_at
      from expunge.plan_table p
      join expunge.disposal d on d.id = p.disposal
     where d.id = disposal_plan.disposal
     order by p.table_name, p.action
$$;

-- ---- what an auditor reads: no key, no name, no word of anybody --------------------------------------------------------

-- As in 005; who asks for a disposal says when.
create or replace view expunge.report_disposal as
  select d.id, d.kind, case when d.kind = 'policy' then d.name end as policy, d.commitment as subject_commitment,
         d.ground, d.immediate, d.state, d.cutoff,
         coalesce(d.requested_at, d.opened_at) as requested_at,
         d.ended_at, d.opened_at, d.archived_at, d.erasing_at, d.erased_at, d.cleared_at, d.withdrawn_at, d.restored_at,
         case when d.restored_at is not null then null
              when d.kind = 'policy' and d.snapshot_name is not null then d.archived_at
              else d.erased_at end as live_rows_gone_at,
         greatest(case when d.immediate and d.requested_at is not null then d.requested_at else coalesce(d.erase_after, d.ended_at, d.as_of) end,
                  d.held_until, h.ended_at) as due_at,
         coalesce(h.in_force, false) as held,
         t.rows_archived, t.rows_erased, t.rows_changed,
         d.store, d.snapshot_name, d.key_destroyed_at,
         d.attempts, d.last_error, d.next_attempt_at, d.configuration_digest, d.ledger_seq, d.ledger_digest
    from expunge.disposal d
   cross join lateral (select coalesce(sum(x.rows_archived) filter (where x.action = 'delete'), 0)::bigint,
                              coalesce(sum(x.rows_done) filter (where x.action = 'delete'), 0)::bigint,
                              coalesce(sum(x.rows_done) filter (where x.action <> 'delete'), 0)::bigint
                         from expunge.disposal_table x
                        where x.disposal = d.id) t(rows_archived, rows_erased, rows_changed)
    left join lateral (select bool_or(o.released_at is null and (o.expires_at is null or o.expires_at > now())),
                              max(least(o.released_at, o.expires_at)) filter (where least(o.released_at, o.expires_at) <= now())
                         from expunge.hold o
                        where o.kind = d.kind
                          and o.subject_key = d.subject_key) h(in_force, ended_at) on true;

create view expunge.report_request with (security_barrier) as
  select r.id, r.disposal, r.ground, r.immediate, r.asked_at, r.commitment
    from expunge.request r;
create view expunge.report_approval with (security_barrier) as
  select a.disposal, a.plan_digest, a.approved_at
    from expunge.approval a;
create view expunge.report_refusal with (security_barrier) as
  select f.disposal, f.hold, f.refused_at, f.state, f.rows_done
    from expunge.refusal f;

-- ---- who may do what --------------------------------------------------------------------------------------------------

revoke all on all tables in schema expunge from public, expunge_support, expunge_auditor;
revoke all on all functions in schema expunge from public, expunge_support, expunge_auditor, expunge_worker;
grant select, insert, update, delete on expunge.subject_kind, expunge.plan_table to expunge_worker;
grant select, update on expunge.request, expunge.approval to expunge_worker; -- what it writes are marks of its own
grant select, insert on expunge.refusal to expunge_worker;
grant execute on function expunge.is_approved(bigint), expunge.ground_rank(text) to expunge_worker;
grant execute on function expunge.request_erasure(text, text, text, text, text, text, boolean, text), expunge.approve(bigint, text),
                          expunge.withdraw(bigint, text), expunge.place_hold(text, text, text, text, timestamptz, text),
                          expunge.release_hold(bigint, text), expunge.subject_status(text, text), expunge.disposal_plan(bigint)
   to expunge_support, expunge_worker;
grant select on expunge.report_installation, expunge.report_disposal, expunge.report_table, expunge.report_not_erased, expunge.report_hold,
                expunge.report_request, expunge.report_approval, expunge.report_refusal
   to expunge_auditor, expunge_worker;

-- The statement that finds a root row has no right beyond the worker's.
do $$
declare
    v_member constant boolean := pg_has_role(current_user, 'expunge_worker', 'member');
begin
    if not v_member then
        execute format('grant expunge_worker to %I', current_user);
    end if;
    grant create on schema expunge to expunge_worker;
    alter function expunge.look_at_root(text, text) owner to expunge_worker;
    execute format('grant execute on function expunge.look_at_root(text, text) to %I', current_user);
    revoke create on schema expunge from expunge_worker;
    if not v_member then
        execute format('revoke expunge_worker from %I', current_user);
    end if;
end
$$;
