-- SPDX-License-Identifier: Apache-2.0
-- Has somebody approved exactly this plan who is not the only one that asked for it?  $1 disposal, $2 plan digest; columns: yes
  select exists (select from expunge.approval a
                  where a.disposal = $1::bigint
                    and a.plan_digest = $2::text
                    and exists (select from expunge.request r where r.disposal = a.disposal and r.immediate and r.asked_by <> a.approved_by))
