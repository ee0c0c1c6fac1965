-- SPDX-License-Identifier: Apache-2.0
-- Judged in each deleting transaction, after the hold lock.  $1 disposal; columns: state, paused, somebody has withdrawn it
  select d.state, i.paused_at is not null, d.withdrawal_at is not null and d.state in ('open', 'archived')
    from expunge.disposal d
   cross join expunge.installation i
   where d.id = $1::bigint
     for share of d
