-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal, $2 digest; columns: it is another one than before
  update expunge.disposal d
     set plan_digest = $2::text, plan_at = clock_timestamp()
    from (select o.id, o.plan_digest from expunge.disposal o where o.id = $1::bigint for update) o
   where d.id = o.id
     and d.state in ('open', 'archived')
  returning o.plan_digest is distinct from $2::text
