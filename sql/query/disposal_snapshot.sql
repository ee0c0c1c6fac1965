-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal, $2 store, $3 snapshot name, $4 snapshot id, $5 key id
  update expunge.disposal
     set store = $2::text, snapshot_name = $3::text, snapshot_id = $4::text, key_id = $5::text
   where id = $1::bigint
     and snapshot_name is null
