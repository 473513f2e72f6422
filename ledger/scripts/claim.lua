-- ARGV[1]: JSON, see encode_asks in ledger/claims.py. Answers, for each ask, {'won', until}, {'wait', ms, pace} or
-- {'refused', line}. The claim and the slots of all its paces are decided together, or not at all.
local asked = cjson.decode(ARGV[1])

local function pace_key(name)
  return 'helio:' .. epoch .. ':p:' .. name
end

local paces, touched = {}, {}
for n, pace in ipairs(asked.paces) do
  paces[n] = read_pace(redis.call('GET', pace_key(pace.key)), pace.rate, pace.burst, published)
end

-- docs/protocol.md, rule 2.
local function wins(claim, ask)
  if claim.state == 'absent' then
    return ask.attempt == 1
  elseif claim.state == 'open' then
    return claim.attempt == ask.attempt
  end
  return claim.state == 'closed' and claim.why == UNKNOWN and ask.how == 'resend'
    and ask.attempt > 1 and claim.attempt == ask.attempt - 1
end

-- Takes a slot of each pace, or of none: then how long the ask must wait, in microseconds, and for which.
local function slot(ask)
  local longest, where = 0, nil
  for _, n in ipairs(ask.paces) do
    local wait = wait_for(paces[n], ask.id, ask.segments, now_us)
    if wait > longest then
      longest, where = wait, n
    end
  end
  if not where then
    for _, n in ipairs(ask.paces) do
      take(paces[n], ask.id, ask.segments, now_us)
      touched[n] = true
    end
  elseif ask.segments > 1 then
    hold_place(paces[where], ask.id, ask.segments, longest, now_us)
    touched[where] = true
  end
  return longest, where
end

local function sending_line(claim, ask, till)
  local maybe_sent = (ask.how ~= 'plain' or claim.maybe_sent == '1') and '1' or '0'
  return table.concat({ 'sending', int(ask.attempt), maybe_sent, int(till), ask.nonce, ask.record }, ' ')
end

local function decide(ask)
  local claim = read_claim(ask.id)
  if is_own_sending(claim, ask.nonce) then
    return { 'won', claim.till }
  elseif not wins(claim, ask) then
    return { 'refused', claim.line }
  elseif now > math.min(ask.valid_until, ask.forget_at) then
    return { 'refused', write_claim(ask.id, closed_line('expired', ask.attempt), ask.forget_at) }
  end
  local wait, where = slot(ask)
  if wait > 0 then
    return { 'wait', math.ceil(wait / 1000), asked.paces[where].key }
  end
  local till = now + ask.hold
  write_sending(ask.id, sending_line(claim, ask, till), ask.forget_at, till)
  return { 'won', till }
end

local verdicts = {}
for n, ask in ipairs(asked.asks) do
  verdicts[n] = decide(ask)
end
for n in pairs(touched) do
  redis.call('SET', pace_key(asked.paces[n].key), write_pace(paces[n]), 'PXAT', int(lives_until(paces[n]) / 1000))
end
return verdicts
