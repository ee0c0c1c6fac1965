-- SPDX-License-Identifier: Apache-2.0
-- $1 ids of keys, an array; columns: those that belong to no disposal and to no message for a processor
  select k.id
    from unnest($1::text[]) k(id)
   where not exists (select from expunge.disposal d where d.key_id = k.id)
     and not exists (select from expunge.processor_task t where t.key_id = k.id)
     and not exists (select from expunge.processor_key p where p.key_id = k.id)
   order by k.id
