-- SPDX-License-Identifier: Apache-2.0
-- Its root is back: it is erased again, by the disposal that is under way for it, or by a new one.
-- $1 kind, $2 name, $3 key, $4 incarnation, $5 commitment, $6 as_of, $7 configuration digest, $8 seq of the ledger's entry
-- columns: id, it is new
  insert into expunge.disposal (kind, name, subject_key, incarnation, commitment, ground, immediate, as_of, configuration_digest, replay_seq)
  values ($1::text, $2::text, $3::text, $4::text, $5::text, 'replay', true, $6::timestamptz, $7::text, $8::bigint)
      on conflict (kind, subject_key) where subject_key is not null and state not in ('cleared', 'withdrawn')
         do update set immediate = true, replay_seq = excluded.replay_seq, commitment = excluded.commitment, incarnation = excluded.incarnation,
                       attempts = 0, last_error = null, next_attempt_at = null
  returning id, xmax = 0
