-- ARGV[1]: JSON [{id, attempt, how, valid_until, forget_at}], see ledger/expiring.py. Tasks that come too late end here,
-- with no intent and no slot, for nothing can leave: what such a task could still win becomes closed(expired), or
-- closed(unknown) of its attempt where an earlier one may have been sent. Answers for each {'early', ms} where it could
-- win and is not too late, else {'found', passed, line}: the claim as it now is, and whether it is a `sending` past its
-- `until`.
local answers = {}
for n, late in ipairs(cjson.decode(ARGV[1])) do
  local claim = read_claim(late.id)
  local left = math.min(late.valid_until, late.forget_at) - now
  if not wins(claim, late) then
    local passed = claim.state == 'sending' and claim.till < now
    answers[n] = { 'found', passed and 1 or 0, claim.line }
  elseif left < 0 then
    answers[n] = { 'found', 0, write_claim(late.id, late_line(claim, late), late.forget_at) }
  else
    answers[n] = { 'early', left + 1 }
  end
end
return answers
