-- Day caps, in segments: what each has let go on the day that it is, see ledger/days.py. A day ends when it was said to
-- end when it began, whatever is said meanwhile.
-- helio:<epoch>:days, a hash: <cap> -> <segments> <from> <until> (ms)
local DAYS, DAYS_LIVE = 'helio:' .. epoch .. ':days', 172800000
-- Who waits for a cap asks again that often: what others took may have been given back, or the cap been raised.
local LONGEST_REST = 600000

local days, changed_days = {}, {}

-- What the cap counts today; nil: nothing yet.
local function day_of(name)
  if days[name] == nil then
    local count, from, till = string.match(redis.call('HGET', DAYS, name) or '', '^(%d+) (%d+) (%d+)$')
    local counts = till and tonumber(till) > now
    days[name] = counts and { count = tonumber(count), from = tonumber(from), till = tonumber(till) } or false
  end
  return days[name] or nil
end

-- The day that begins with a first segment. Whoever asks tells the midnights around now by a clock of its own.
local function new_day(midnights)
  for n = 2, #midnights do
    if now < midnights[n] then
      return { count = 0, from = midnights[n - 1], till = midnights[n] }
    end
  end
  return { count = 0, from = now, till = now + 86400000 }
end

-- {'wait', ms, name} where one of its caps has no room for it, with the name that `rests_on` of ledger/days.py gives.
-- asked: {caps = [{name, most}], midnights}; an ask names its caps by their place.
local function must_wait_for_a_day(ask, asked)
  for _, n in ipairs(ask.caps or {}) do
    local cap = asked.caps[n]
    local today = day_of(cap.name) or new_day(asked.midnights)
    if today.count + ask.segments > cap.most then
      local name = string.format('day:%s:%.0f', cap.name, cap.most)
      return { 'wait', math.min(today.till - now, LONGEST_REST), name }
    end
  end
end

local function count_today(ask, asked)
  for _, n in ipairs(ask.caps or {}) do
    local name = asked.caps[n].name
    local today = day_of(name) or new_day(asked.midnights)
    today.count = today.count + ask.segments
    days[name], changed_days[name] = today, true
  end
end

-- What was counted by a claim that was won then: nothing was sent.
local function give_back(counted, won_at)
  for _, name in ipairs(counted.caps) do
    local today = day_of(name)
    if today and today.from <= won_at then
      today.count = math.max(today.count - counted.segments, 0)
      changed_days[name] = true
    end
  end
end

local function keep_days()
  for name in pairs(changed_days) do
    local today = days[name]
    redis.call('HSET', DAYS, name, string.format('%.0f %.0f %.0f', today.count, today.from, today.till))
  end
  if next(changed_days) then
    redis.call('PEXPIRE', DAYS, DAYS_LIVE)
  end
end
