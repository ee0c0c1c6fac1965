-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal
  update expunge.disposal set key_destroyed_at = now() where id = $1::bigint and key_destroyed_at is null
