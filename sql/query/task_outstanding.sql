-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal; columns: messages that are outstanding, those past their deadline, those whose values' key is to be destroyed
  select count(*) filter (where t.state in ('waiting', 'requested', 'accepted')),
         count(*) filter (where t.state in ('waiting', 'requested', 'accepted') and t.deadline < now()),
         count(*) filter (where t.key_id is not null)
    from expunge.processor_task t
   where t.disposal = $1::bigint
