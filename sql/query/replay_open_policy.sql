-- SPDX-License-Identifier: Apache-2.0
-- Rows of a policy that were gone are back.  $1 policy, $2 as_of, $3 cutoff, $4 configuration digest, $5 seq of the ledger's entry; columns: id
  insert into expunge.disposal (kind, name, ground, immediate, state, as_of, cutoff, erasing_at, configuration_digest, replay_seq)
  select 'policy', $1::text, 'replay', true, 'erasing', $2::timestamptz, $3::timestamptz, now(), $4::text, $5::bigint
   where not exists (select
                       from expunge.disposal d
                      where d.kind = 'policy'
                        and d.name = $1::text
                        and d.ground = 'replay'
                        and d.state = 'erasing'
                        and d.as_of >= $2::timestamptz)
  returning id
