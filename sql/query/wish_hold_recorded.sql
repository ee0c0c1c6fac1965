-- SPDX-License-Identifier: Apache-2.0
-- $1 hold, $2 its release as well
  update expunge.hold
     set recorded = true, release_recorded = release_recorded or $2::boolean
   where id = $1::bigint
     and (not recorded or ($2::boolean and not release_recorded))
