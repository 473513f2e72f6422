-- ARGV[1]: JSON, see encode_asks in ledger/claims.py. Answers, for each ask, {'won', until}, {'wait', ms, name} or
-- {'refused', line}. The claim, its breaker and the slots of all its paces are decided together, or not at all.
local function sending_line(claim, ask, till)
  return table.concat(
    { 'sending', int(ask.attempt), maybe_sent(claim, ask), int(till), ask.nonce, ask.record, ask.via }, ' ')
end

local function decide(ask)
  local claim = read_claim(ask.id)
  if is_own_sending(claim, ask.nonce) then
    return { 'won', claim.till }
  elseif not wins(claim, ask) then
    return { 'refused', claim.line }
  elseif now > math.min(ask.valid_until, ask.forget_at) then
    return { 'refused', write_claim(ask.id, late_line(claim, ask), ask.forget_at) }
  elseif ask.scopes and is_opted_out(ask.scopes, ask.to) then
    return { 'refused', write_claim(ask.id, ended_line(claim, ask, 'opted_out'), ask.forget_at) }
  end
  local wait = must_wait_for_a_day(ask, asked) or must_wait(ask)
  if wait then
    return wait
  end
  count_today(ask, asked)
  local till = now + ask.hold
  if ask.breaker and begin_probe(breaker_of(ask.breaker), ask.nonce, till) then
    changed_breakers[ask.breaker] = true
  end
  write_sending(ask.id, sending_line(claim, ask, till), ask.forget_at, till)
  note_twin(ask)
  return { 'won', till }
end

local verdicts = {}
for n, ask in ipairs(asked.asks) do
  verdicts[n] = decide(ask)
end
keep_slots()
keep_days()
keep_health()
return verdicts
