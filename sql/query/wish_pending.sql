-- SPDX-License-Identifier: Apache-2.0
-- Is there anything that people asked for and that "run --requests" would act on, or that the ledger has not heard of?
-- columns: yes
  select exists (select from expunge.disposal d
                   left join expunge.subject_kind k on k.kind = d.kind
                  where d.state not in ('cleared', 'withdrawn')
                    and (d.next_attempt_at is null or d.next_attempt_at <= clock_timestamp())
                    and not exists (select from expunge.refusal f
                                      join expunge.hold h on h.id = f.hold
                                     where f.disposal = d.id
                                       and h.released_at is null
                                       and (h.expires_at is null or h.expires_at > clock_timestamp()))
                    and (d.withdrawal_at is not null
                         or (d.requested_at is not null and d.commitment is null)
                         or (d.immediate
                             and (d.state not in ('open', 'archived') or not coalesce(k.needs_approval, false) or d.plan_at is null
                                  or d.plan_at < clock_timestamp() - interval '1 hour' or expunge.is_approved(d.id)))
                         or (exists (select from expunge.refusal f where f.disposal = d.id)
                             and (d.state in ('erasing', 'erased') or d.erase_after <= clock_timestamp()))))
      or exists (select from expunge.request r join expunge.disposal d on d.id = r.disposal where not r.recorded and d.commitment is not null)
      or exists (select from expunge.approval a where not a.recorded)
      or exists (select from expunge.hold h where not h.recorded or (h.released_at is not null and not h.release_recorded))
