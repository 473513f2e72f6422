-- ARGV[1]: JSON [{id, attempt, how, why, forget_at}], see ledger/expiring.py. Tasks that may not go any more end here, with no
-- slot, for nothing can leave: what such a task could still win becomes closed(why), or closed(unknown) of its attempt where
-- an earlier one may have been sent. Answers for each {passed, line}: whether the claim is a `sending` past its `until`, and
-- the claim as it now is.
local answers = {}
for n, ended in ipairs(cjson.decode(ARGV[1])) do
  local claim = read_claim(ended.id)
  if wins(claim, ended) then
    claim = { state = 'closed', line = write_claim(ended.id, ended_line(claim, ended, ended.why), ended.forget_at) }
  end
  answers[n] = { claim.state == 'sending' and claim.till < now and 1 or 0, claim.line }
end
return answers
