-- A used idempotency key, by its message: helio:hold:<id> = <until, ms> <token> <fingerprint>, while the request that
-- used it is under way; once that is over the content stays bound to the key, as long as the key lives.
-- helio:answer:<id> = <status> <fingerprint> <body>: what was answered, to be said again.
local function hold_key(id)
  return 'helio:hold:' .. id
end

local function answer_key(id)
  return 'helio:answer:' .. id
end

local function read_hold(id)
  local value = redis.call('GET', hold_key(id))
  if value then
    local till, token, fingerprint = string.match(value, '^(%d+) (%S+) (%S+)$')
    return { till = tonumber(till), token = token, fingerprint = fingerprint }
  end
end

-- Something else says from now on what the key was used for.
local function end_hold(id, token)
  if token ~= '' then
    local hold = read_hold(id)
    if hold and hold.token == token then
      redis.call('DEL', hold_key(id))
    end
  end
end
