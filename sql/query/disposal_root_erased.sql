-- SPDX-License-Identifier: Apache-2.0
-- By an erasure, or as its rows are moved into the snapshot.  $1 disposal
  update expunge.disposal set root_erased = true where id = $1::bigint and state in ('archived', 'erasing')
