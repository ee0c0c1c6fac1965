-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal
  delete from expunge.not_erased where disposal = $1::bigint
