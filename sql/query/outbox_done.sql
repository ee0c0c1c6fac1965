-- SPDX-License-Identifier: Apache-2.0
-- $1 id
  delete from expunge.outbox where id = $1::text
