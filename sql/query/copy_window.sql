-- SPDX-License-Identifier: Apache-2.0
-- When the last copy is to be gone.  $1 disposal, $2 cleared_within, or null: nothing is promised
  update expunge.disposal d
     set clear_by = d.erased_at + $2::text::interval
   where d.id = $1::bigint
     and d.clear_by is distinct from d.erased_at + $2::text::interval
