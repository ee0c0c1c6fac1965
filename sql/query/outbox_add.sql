-- SPDX-License-Identifier: Apache-2.0
-- $1 id, $2 disposal, $3 event, $4 fields (JSON)
  insert into expunge.outbox (id, disposal, event, fields) values ($1::text, $2::bigint, $3::text, $4::text)
