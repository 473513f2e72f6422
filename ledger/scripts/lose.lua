-- ARGV[1]: JSON [{id, attempt, nonce, forget_at, breaker}]. A hand-over whose outcome is not known: closed(unknown).
-- Answers 1 where it is so now, 0 where the claim is no longer its own.
local answers = {}
for n, own in ipairs(cjson.decode(ARGV[1])) do
  local claim = read_claim(own.id)
  if is_own_sending(claim, own.nonce) then
    write_claim(own.id, unknown_line(claim), own.forget_at)
    note_lost(own.id, claim)
    note_health(own, true)
    answers[n] = 1
  else
    answers[n] = is_own_unknown(claim, own.nonce) and 1 or 0
  end
end
keep_health()
return answers
