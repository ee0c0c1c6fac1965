-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal; columns: when it was asked for
  select (extract(epoch from d.requested_at) * 1000000)::bigint
    from expunge.report_disposal d
   where d.id = $1::bigint
