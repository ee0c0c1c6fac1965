-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal; columns: messages that are outstanding, those past their deadline, those whose values' key is to be destroyed
  select count(*) filter (where w.is_open), count(*) filter (where w.overdue), count(*) filter (where w.key_id is not null)
    from expunge.processor_work w
   where w.disposal = $1::bigint
