-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal
  update expunge.disposal set withdrawal_recorded = true where id = $1::bigint and not withdrawal_recorded
