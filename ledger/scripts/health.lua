-- What processes know of providers together, by account and pace: hashes of lines, see breakers.lua and slowing.lua.
-- They are read when first asked for, and written once, by `keep_health`. Losing them costs only what it took to learn.
local BREAKERS, SLOWED = 'helio:' .. epoch .. ':breakers', 'helio:' .. epoch .. ':slowed'
local HEALTH_LIVES = 3600000

local breakers, slowed = {}, {}
local changed_breakers, changed_slowed = {}, {}

local function breaker_of(name)
  if not breakers[name] then
    breakers[name] = read_breaker(redis.call('HGET', BREAKERS, name), now)
  end
  return breakers[name]
end

-- nil: it is not slowed. Most often nothing is: then nobody needs to be looked up.
local is_any_slowed
local function slowed_of(name)
  if is_any_slowed == nil then
    is_any_slowed = redis.call('EXISTS', SLOWED) == 1
  end
  if slowed[name] == nil then
    slowed[name] = is_any_slowed and read_slowed(redis.call('HGET', SLOWED, name)) or false
  end
  return slowed[name] or nil
end

local function set_slowed(name, value)
  slowed[name], changed_slowed[name] = value or false, true
end

-- own: {breaker, paces, nonce}, of a hand-over whose outcome says something; is_bad: nobody has answered it.
local function note_health(own, is_bad)
  if own.breaker then
    note_outcome(breaker_of(own.breaker), own.nonce, is_bad, now)
    changed_breakers[own.breaker] = true
  end
end

local function note_success(own)
  note_health(own, false)
  for _, name in ipairs(own.paces or {}) do
    if slowed_of(name) then
      set_slowed(name, speed_up(slowed_of(name), now_us))
    end
  end
end

local function keep_health()
  for name in pairs(changed_breakers) do
    redis.call('HSET', BREAKERS, name, write_breaker(breakers[name]))
  end
  if next(changed_breakers) then
    redis.call('PEXPIRE', BREAKERS, HEALTH_LIVES)
  end
  for name in pairs(changed_slowed) do
    if slowed[name] then
      redis.call('HSET', SLOWED, name, write_slowed(slowed[name]))
      redis.call('PEXPIRE', SLOWED, HEALTH_LIVES)
    else
      redis.call('HDEL', SLOWED, name)
    end
  end
end
