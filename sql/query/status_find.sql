-- SPDX-License-Identifier: Apache-2.0
-- Disposals of one subject, or those of a policy that are not final.  $1 kind, $2 key or policy, $3 commitments (array); columns: id
  select d.id
    from expunge.disposal d
   where d.kind = $1::text
     and case when d.kind = 'policy' then d.name = $2::text and d.state not in ('cleared', 'withdrawn')
              else d.subject_key = $2::text or d.commitment = any ($3::text[]) end
   order by d.id
