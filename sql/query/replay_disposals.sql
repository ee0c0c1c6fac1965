-- SPDX-License-Identifier: Apache-2.0
-- How much of the ledger each disposal knows.  columns: disposal, seq of its newest entry
  select d.id, coalesce(d.ledger_seq, 0)
    from expunge.disposal d
