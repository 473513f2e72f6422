-- ARGV[1]: JSON {paces, asks}, see ledger/asking.py. Questions to providers about hand-overs. Answers for each {'ask', until},
-- {'wait', ms, name} or {'over', why}. About an unknown one (it has a nonce) only while it is so, and `until` is when
-- it was over at the latest; a question that is the same request again may send, so it must be in time for that, too.

-- Until when the hand-over was under way, and which task record's it was; nil: not known.
local function lost_of(ask)
  local attempt, nonce, till, record =
    string.match(redis.call('GET', lost_key(ask.id)) or '', '^(%d+) (%S+) (%d+) (%S+)$')
  if tonumber(attempt) == ask.attempt and nonce == ask.nonce then
    return tonumber(till), record
  end
end

-- Whether no other message of ours may be what the provider shows. What was claimed before this epoch has no mark.
local function is_only(ask, since)
  return redis.call('GET', twin_key(ask.twin)) == ask.id and published / 1000 <= since
end

-- Whether the time for it is over. What may send (`within`) is counted from the hand-over, not from whenever it was called
-- unknown: each time that it is a deadline follows, and the first one acts.
local function is_late(ask, till)
  return not till or now > ask.ask_until or (ask.within and now > till + ask.within)
end

-- Why nothing is asked, or nil; and until when the hand-over was under way.
local function look_at(ask)
  local claim = read_claim(ask.id)
  local till, record = lost_of(ask)
  if not is_own_unknown(claim, ask.nonce) or claim.attempt ~= ask.attempt then
    return 'settled'
  elseif is_late(ask, till) then
    return 'late'
  elseif record ~= ask.record then
    return 'other'
  elseif ask.twin and not is_only(ask, till - ask.span) then
    return 'twin'
  elseif ask.scopes and is_opted_out(ask.scopes, ask.to) then
    return 'opted_out'
  end
  return nil, till
end

-- Through a breaker that is not closed one goes at a time, as hand-overs do; it is no probe, and holds up none of them.
-- helio:<epoch>:trying:<breaker> = <message id>, for as long as a question commonly takes.
local TRY = 15000
local function must_wait_for_another(ask)
  if not ask.breaker or breaker_of(ask.breaker).state == 'closed' then
    return nil
  end
  local key = 'helio:' .. epoch .. ':trying:' .. ask.breaker
  local other = redis.call('GET', key)
  if other and other ~= ask.id then
    return { 'wait', math.max(redis.call('PTTL', key), 1), ask.breaker }
  end
  return nil, key
end

local function may_go(ask)
  local wait, trying = must_wait_for_another(ask)
  wait = wait or must_wait(ask)
  if trying and not wait then
    redis.call('SET', trying, ask.id, 'PX', TRY)
  end
  return wait
end

local function judge(ask)
  local why, till
  if ask.nonce then
    why, till = look_at(ask)
    if why then
      return { 'over', why }
    end
  end
  return may_go(ask) or { 'ask', till or 0 }
end

local answers = {}
for n, ask in ipairs(asked.asks) do
  answers[n] = judge(ask)
end
keep_slots()
keep_health()
return answers
