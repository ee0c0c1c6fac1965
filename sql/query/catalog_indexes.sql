-- SPDX-License-Identifier: Apache-2.0
-- Usable btree indexes over plain columns.
-- columns: table oid, unique (as the columns themselves compare), primary, attnums (array text)
  select i.indrelid::bigint,
         i.indisunique and i.indimmediate
         and not exists (select from unnest(i.indkey::smallint[], i.indclass::oid[], i.indcollation::oid[]) u(attnum, class, coll)
                           join pg_opclass o on o.oid = u.class
                           join pg_attribute a on a.attrelid = i.indrelid and a.attnum = u.attnum
                          where not o.opcdefault or u.coll <> a.attcollation),
         i.indisprimary,
         (select array_agg(k.attnum::integer order by k.ord)
            from unnest(i.indkey::smallint[]) with ordinality k(attnum, ord) where k.ord <= i.indnkeyatts)::text
    from pg_index i
    join pg_class x on x.oid = i.indexrelid
    join pg_am m on m.oid = x.relam
    join pg_class c on c.oid = i.indrelid
   where m.amname = 'btree'
     and i.indisvalid
     and i.indpred is null
     and i.indexprs is null
     and not c.relispartition
     and c.relnamespace::regnamespace::text not in ('pg_catalog', 'information_schema', 'pg_toast', 'expunge')
   order by i.indrelid, not i.indisprimary, i.indexrelid
