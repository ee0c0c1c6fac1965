-- SPDX-License-Identifier: Apache-2.0
-- Does this database know of an entry of the ledger?  $1 disposal, $2 seq of the entry, $3 its id; columns: yes
  select exists (select from expunge.disposal d where d.id = $1::bigint and d.ledger_seq >= $2::bigint)
      or exists (select from expunge.outbox o where o.id = $3::text)
