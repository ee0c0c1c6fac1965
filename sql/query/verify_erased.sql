-- SPDX-License-Identifier: Apache-2.0
-- columns: disposals of subjects that are erased, or moved into their snapshot, and whose key is not forgotten yet
  select d.id from expunge.disposal d
   where (d.state = 'erased' or (d.state = 'archived' and d.root_erased))
     and d.restored_at is null
     and d.subject_key is not null
   order by d.id
