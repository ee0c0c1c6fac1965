-- SPDX-License-Identifier: Apache-2.0
-- What a hold forbade, once for each of the two.  $1 disposal, $2 hold; columns: state, rows that were gone already
  insert into expunge.refusal (disposal, hold, state, rows_done)
  select d.id, $2::bigint, d.state,
         (select coalesce(sum(t.rows_done), 0)::bigint from expunge.disposal_table t where t.disposal = d.id)
    from expunge.disposal d
   where d.id = $1::bigint
      on conflict do nothing
  returning state, rows_done
