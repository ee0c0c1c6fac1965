-- SPDX-License-Identifier: Apache-2.0
-- columns: disposals that have, or had, a snapshot
  select d.id from expunge.disposal d where d.snapshot_name is not null order by d.id
