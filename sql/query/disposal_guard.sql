-- SPDX-License-Identifier: Apache-2.0
-- Judged in each deleting transaction, after the hold lock.  $1 disposal; columns: state, paused
  select d.state, i.paused_at is not null
    from expunge.disposal d
   cross join expunge.installation i
   where d.id = $1::bigint
     for share of d
