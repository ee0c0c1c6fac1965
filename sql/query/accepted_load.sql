-- SPDX-License-Identifier: Apache-2.0
-- columns: item, a row each
  select unnest(i.accepted) from expunge.installation i
