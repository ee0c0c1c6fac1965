-- SPDX-License-Identifier: Apache-2.0
-- How many locks the server has room for, and how many relations (tables, partitions, indexes) these tables are.
-- $1 oids (array text)  columns: room, connections that share it, relations
  select current_setting('max_locks_per_transaction')::bigint * n.connections, n.connections,
         (select count(*) from pg_class c
           where c.relkind in ('r', 'p') and coalesce(pg_partition_root(c.oid), c.oid)::oid = any ($1::oid[]))
         + (select count(*) from pg_index i
             where coalesce(pg_partition_root(i.indrelid), i.indrelid)::oid = any ($1::oid[]))
    from (select current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint as connections) n
