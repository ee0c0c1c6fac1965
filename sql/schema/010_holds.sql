-- SPDX-License-Identifier: Apache-2.0
-- Holds that a replay places again, and keys that are none.

-- Whether a text can be a value of a type at all: a hold with a key that cannot holds nobody, and disturbs nobody.
create function expunge.is_key_of(key text, type regtype) returns boolean language plpgsql stable
set search_path = pg_catalog, pg_temp as $$
begin
    execute 'select $1::' || type::text using key;
    return true;
exception
    when data_exception or integrity_constraint_violation then
        return false;
end;
$$;

-- A hold that the ledger knows and a restored database forgot, by its number unless somebody else's has that by now.
create function expunge.renew_hold(hold bigint, kind text, key text, type text, placed_at timestamptz, expires_at timestamptz)
returns bigint language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
declare
    v_id bigint;
begin
    insert into expunge.hold as h (id, kind, subject_key, type, reason, placed_at, placed_by, expires_at, recorded) overriding system value
    values (renew_hold.hold, renew_hold.kind, renew_hold.key, renew_hold.type, 'placed again by a replay: the ledger has it',
            renew_hold.placed_at, session_user, renew_hold.expires_at, true)
        on conflict (id) do nothing
    returning h.id into v_id;
    if v_id is null then
        insert into expunge.hold as h (kind, subject_key, type, reason, placed_at, placed_by, expires_at)
        values (renew_hold.kind, renew_hold.key, renew_hold.type, 'placed again by a replay: hold ' || renew_hold.hold || ' of the ledger',
                renew_hold.placed_at, session_user, renew_hold.expires_at)
        returning h.id into v_id;
    end if;
    return v_id;
end;
$$;

-- Numbers that the ledger has for holds are not given again.
create function expunge.skip_holds(last bigint) returns void language sql security definer
set search_path = pg_catalog, pg_temp as $$
    select setval(s.name::regclass, greatest(last, nextval(s.name::regclass)))
      from pg_get_serial_sequence('expunge.hold', 'id') s(name)
$$;

revoke all on function expunge.is_key_of(text, regtype), expunge.renew_hold(bigint, text, text, text, timestamptz, timestamptz),
                       expunge.skip_holds(bigint)
  from public, expunge_support, expunge_auditor;
grant execute on function expunge.is_key_of(text, regtype), expunge.renew_hold(bigint, text, text, text, timestamptz, timestamptz),
                          expunge.skip_holds(bigint)
   to expunge_worker;
