-- SPDX-License-Identifier: Apache-2.0
-- One step of the life of a disposal: compare and set; what has been erased is withdrawn only when it was restored.  $1 disposal, $2 from, $3 to, $4 grace period (policies; null: erase_after stays), $5 snapshot's digest or null, $6 --as-of or null: the grace period begins there
  update expunge.disposal d
     set state = $3::text,
         archived_at = case when $3::text = 'archived' then now() else archived_at end,
         erase_after = case when $3::text = 'archived' and $4::text is not null then coalesce($6::timestamptz, now()) + $4::text::interval else erase_after end,
         snapshot_digest = coalesce($5::text, snapshot_digest),
         erasing_at = case when $3::text = 'erasing' then now() else erasing_at end,
         erased_at = case when $3::text = 'erased' then now() else erased_at end,
         held_until = case when $3::text = 'erased'
                           then (select max(least(h.released_at, h.expires_at))
                                   from expunge.hold h
                                  where h.kind = d.kind
                                    and h.subject_key = d.subject_key
                                    and least(h.released_at, h.expires_at) <= now())
                           else held_until end,
         erased_lsn = case when $3::text = 'erased' then pg_current_wal_insert_lsn() else erased_lsn end,
         cleared_at = case when $3::text = 'cleared' then now() else cleared_at end,
         withdrawn_at = case when $3::text = 'withdrawn' then now() else withdrawn_at end,
         subject_key = case when $3::text in ('cleared', 'withdrawn') then null else subject_key end,
         incarnation = case when $3::text in ('cleared', 'withdrawn') then null else incarnation end,
         withdrawal_reason = case when $3::text in ('cleared', 'withdrawn') then null else withdrawal_reason end,
         attempts = 0, last_error = null, next_attempt_at = null
   where id = $1::bigint
     and state = $2::text
     and ($3::text <> 'withdrawn' or $2::text in ('open', 'archived') or restored_at is not null)
