-- What an ask must wait for: the breaker of its account, and a slot of each of its paces. ARGV[1]: JSON {paces, asks}; an
-- ask names its paces by their place.
local asked = cjson.decode(ARGV[1])

local function pace_key(name)
  return 'helio:' .. epoch .. ':p:' .. name
end

local paces, touched = {}, {}
for n, pace in ipairs(asked.paces) do
  paces[n] = read_pace(redis.call('GET', pace_key(pace.key)), pace.rate, pace.burst, published)
end

-- Takes a slot of each pace, or of none: then how long the ask must wait, in microseconds, and for which.
local function slot(ask)
  local longest, where = 0, nil
  for _, n in ipairs(ask.paces) do
    local wait = wait_for(paces[n], ask.id, ask.segments, now_us)
    local slow = slowed_of(asked.paces[n].key)
    if slow then
      wait = math.max(wait, wait_for_slowed(slow, now_us))
    end
    if wait > longest then
      longest, where = wait, n
    end
  end
  if not where then
    for _, n in ipairs(ask.paces) do
      take(paces[n], ask.id, ask.segments, now_us)
      touched[n] = true
      local key = asked.paces[n].key
      if slowed_of(key) then
        take_slowed(slowed_of(key), paces[n].rate, ask.segments, now_us)
        set_slowed(key, slowed_of(key))
      end
    end
  elseif ask.segments > 1 or ask.first then
    hold_place(paces[where], ask.id, ask.segments, longest, now_us)
    touched[where] = true
  end
  return longest, where
end

-- {'wait', ms, name} if the ask must wait; nil: it may go, and its slots are taken.
local function must_wait(ask)
  local rest = ask.breaker and wait_for_breaker(breaker_of(ask.breaker), now) or 0
  if rest > 0 then
    return { 'wait', rest, ask.breaker }
  end
  local wait, where = slot(ask)
  if wait > 0 then
    return { 'wait', math.ceil(wait / 1000), asked.paces[where].key }
  end
end

local function keep_slots()
  for n in pairs(touched) do
    redis.call('SET', pace_key(asked.paces[n].key), write_pace(paces[n]), 'PXAT', int(lives_until(paces[n]) / 1000))
  end
end
