-- SPDX-License-Identifier: Apache-2.0
-- What the ledger says is gone is gone again.
  update expunge.installation set replaying_since = null
