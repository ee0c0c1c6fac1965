-- SPDX-License-Identifier: Apache-2.0
-- A store that may hold copies, once for each disposal.  $1 disposal, $2 stores (array)
  insert into expunge.copy (disposal, store)
  select $1::bigint, s.store from unnest($2::text[]) s(store)
      on conflict (disposal, store) do nothing
