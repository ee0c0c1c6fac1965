-- SPDX-License-Identifier: Apache-2.0
-- columns: subjects whose erasure began within the last day because somebody asked for it
  select count(*)
    from expunge.disposal d
   where d.requested_at is not null
     and d.immediate
     and d.erasing_at > clock_timestamp() - interval '24 hours'
