-- SPDX-License-Identifier: Apache-2.0
-- The words about a subject that is gone, or was withdrawn: of its requests.  $1 disposal
  update expunge.request set ticket = null, requested_by = null, verified_by = null where disposal = $1::bigint
