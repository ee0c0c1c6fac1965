-- SPDX-License-Identifier: Apache-2.0
-- What the functions for requests must know of a kind of subject; nothing is written where it is known.
-- $1 kind, $2 root, $3 the statement that finds a root row, up to the type of its key, $4 root's oid, $5 key column, $6 grace,
-- $7 needs an approval, $8 the configuration's digest.  The type is without its length: a cast would cut a longer key
  insert into expunge.subject_kind as k (kind, root, look, grace, needs_approval, configuration)
  select $1::text, $2::text, $3::text || format('%I.%I', n.nspname, t.typname), $6::text::interval, $7::boolean, $8::text
    from pg_attribute a
    join pg_type t on t.oid = a.atttypid
    join pg_namespace n on n.oid = t.typnamespace
   where a.attrelid = $4::bigint::oid
     and a.attname = $5::text
      on conflict (kind) do update
     set root = excluded.root, look = excluded.look, grace = excluded.grace, needs_approval = excluded.needs_approval,
         configuration = excluded.configuration, published_at = now()
   where (k.root, k.look, k.grace, k.needs_approval, k.configuration)
         is distinct from (excluded.root, excluded.look, excluded.grace, excluded.needs_approval, excluded.configuration)
