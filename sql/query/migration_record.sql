-- SPDX-License-Identifier: Apache-2.0
-- $1 version, $2 name
  insert into expunge.migration (version, name) values ($1::integer, $2::text)
