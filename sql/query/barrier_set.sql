-- SPDX-License-Identifier: Apache-2.0
-- From here on no page holds rows of these disposals, but of those with a table that was left out.
-- $1 disposals (array), $2 position in the WAL (bytes), $3 tables left out (array of oids); columns: disposal, in order
    with behind as (
         update expunge.disposal d
            set barrier_lsn = '0/0'::pg_lsn + $2::numeric
          where d.id = any($1::bigint[])
            and d.state = 'erased'
            and d.barrier_lsn is null
            and not exists (select from expunge.disposal_table t
                             where t.disposal = d.id
                               and to_regclass(format('%I.%I', t.schema_name, t.table_name))::oid::bigint = any($3::bigint[]))
         returning d.id
         )
  select b.id from behind b order by b.id
