-- SPDX-License-Identifier: Apache-2.0
-- $1 database's name, $2 region
  insert into expunge.installation (database_name, region) values ($1::text, $2::text)
      on conflict (only_one) do nothing
