-- ARGV[1]: JSON [{id, fingerprint, token, hold, forget_at, retake, told}]. Who may use a key. Answers {whole, ...}, and for each
-- ask {seen, answer or nil, word}; the words are those of Found in ledger/holds.py.
local whole = is_whole(run)

-- A repeat of a request whose answer was never given, though its message is known.
local function may_retake(ask, row, answer)
  if not ask.retake or answer or not row then
    return false
  end
  for _, told in ipairs(ask.told) do
    if string.find(row, '"fingerprint":"' .. told .. '"', 1, true) then
      return true
    end
  end
  return false
end

local function take(ask)
  local till = now + ask.hold
  local value = string.format('%.0f %s %s', till, ask.token, ask.fingerprint)
  redis.call('SET', hold_key(ask.id), value, 'PXAT', string.format('%.0f', math.max(till, ask.forget_at)))
  return 'own'
end

local function decide(ask, row, answer)
  local hold = read_hold(ask.id)
  if hold and hold.till > now then
    return hold.token == ask.token and 'own' or 'live'
  elseif row or answer then
    return may_retake(ask, row, answer) and take(ask) or 'none'
  elseif hold and hold.fingerprint ~= ask.fingerprint then
    return 'bound'
  end
  return whole and take(ask) or 'none'
end

local found = { whole and 1 or 0 }
for n, ask in ipairs(cjson.decode(ARGV[1])) do
  local its, answer = seen(ask.id), redis.call('GET', answer_key(ask.id))
  found[n + 1] = { its, answer, decide(ask, its[1], answer) }
end
return found
