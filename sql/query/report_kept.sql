-- SPDX-License-Identifier: Apache-2.0
-- What erased disposals left behind and nothing has taken since.
-- columns: what, why, rows, disposals, the first end, the last end (null: not known)
  select n.what, n.why, case when n.what like 'snapshot of policy %' then max(n.rows) else sum(n.rows) end::bigint, count(distinct n.disposal),
         (extract(epoch from min(n.until)) * 1000000)::bigint, (extract(epoch from max(n.until)) * 1000000)::bigint
    from expunge.report_not_erased n
    join expunge.report_disposal d on d.id = n.disposal
   where d.state in ('erased', 'cleared')
     and d.restored_at is null
     and (n.until is null or n.until > now())
   group by n.what, n.why
   order by n.what, n.why
