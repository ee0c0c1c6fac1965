-- SPDX-License-Identifier: Apache-2.0
-- $1 store, $2 names of snapshots, an array; columns: those that belong to no disposal
  select n.name
    from unnest($2::text[]) n(name)
   where not exists (select from expunge.disposal d where d.store = $1::text and d.snapshot_name = n.name)
   order by n.name
