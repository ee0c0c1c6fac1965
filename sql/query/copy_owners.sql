-- SPDX-License-Identifier: Apache-2.0
-- Which of these keys belong to a subject whose rows are not all gone: they may be away from the live tables in a grace
-- period.  $1 kind, $2 keys (array, in lower case); columns: key, in lower case
  select distinct lower(d.subject_key)
    from expunge.disposal d
   where d.kind = $1::text
     and d.state in ('open', 'archived', 'erasing')
     and lower(d.subject_key) = any($2::text[])
