-- ARGV[1]: JSON [{id, attempt, nonce, forget_at, record}]. A hand-over that provably did not happen: open to the
-- next attempt. Answers 1 where it is so now, by that record; 0 where the claim is no longer its own.
local answers = {}
for n, own in ipairs(cjson.decode(ARGV[1])) do
  local claim = read_claim(own.id)
  if is_own_sending(claim, own.nonce) then
    write_claim(own.id, open_line(own.attempt + 1, claim.maybe_sent, own.record), own.forget_at)
    answers[n] = 1
  else
    local done = claim.state == 'open' and claim.attempt == own.attempt + 1 and claim.record == own.record
    answers[n] = done and 1 or 0
  end
end
return answers
