-- SPDX-License-Identifier: Apache-2.0
-- Disposals since the beginning.  columns: state, how many
  select d.state, count(*)
    from expunge.disposal d
   group by d.state
   order by d.state
