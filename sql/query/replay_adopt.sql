-- SPDX-License-Identifier: Apache-2.0
-- A disposal as the ledger has it, which the database forgot, or remembers half done.
-- $1 id, $2 kind, $3 name, $4 commitment, $5 ground, $6 state, $7 as_of, $8 cutoff, $9 opened, $10 archived, $11 erasing, $12 erased, $13 cleared, $14 withdrawn,
-- $15 configuration digest, $16 seq and $17 digest of its newest entry
  insert into expunge.disposal (id, kind, name, commitment, ground, state, as_of, cutoff, opened_at, archived_at, erasing_at, erased_at, cleared_at, withdrawn_at,
                                root_erased, configuration_digest, ledger_seq, ledger_digest)
         overriding system value
  values ($1::bigint, $2::text, $3::text, $4::text, $5::text, $6::text, $7::timestamptz, $8::timestamptz, $9::timestamptz, $10::timestamptz, $11::timestamptz,
          $12::timestamptz, $13::timestamptz, $14::timestamptz, $2::text <> 'policy' and $12::timestamptz is not null, $15::text, $16::bigint, $17::text)
      on conflict (id)
         do update set state = excluded.state, archived_at = coalesce(expunge.disposal.archived_at, excluded.archived_at), erasing_at = excluded.erasing_at,
                       erased_at = excluded.erased_at, cleared_at = excluded.cleared_at, withdrawn_at = excluded.withdrawn_at, subject_key = null, incarnation = null,
                       key_destroyed_at = case when expunge.disposal.key_id is not null then coalesce(excluded.cleared_at, excluded.withdrawn_at) end,
                       attempts = 0, last_error = null, next_attempt_at = null, ledger_seq = excluded.ledger_seq, ledger_digest = excluded.ledger_digest
