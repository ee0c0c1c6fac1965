-- SPDX-License-Identifier: Apache-2.0
-- $1 the scope's items, an array
  update expunge.installation set accepted = $1::text[], accepted_at = now()
