-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal
  update expunge.disposal set root_erased = true where id = $1::bigint and state = 'erasing'
