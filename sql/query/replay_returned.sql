-- SPDX-License-Identifier: Apache-2.0
-- Its subject came back: a grace period begins anew.  $1 disposal
  update expunge.disposal set restored_at = now() where id = $1::bigint and restored_at is null
