-- SPDX-License-Identifier: Apache-2.0
-- From here on nothing but the replay is done in this database.
  update expunge.installation set replaying_since = coalesce(replaying_since, now())
