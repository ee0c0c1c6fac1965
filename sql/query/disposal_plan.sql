-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal; columns: table, action, rows, plan digest, when it was counted
  select p.table_name, p.action, p.rows, p.plan_digest, (extract(epoch from p.planned_at) * 1000000)::bigint
    from expunge.disposal_plan($1::bigint) p
