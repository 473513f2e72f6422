-- helio:queue:<queue>: the ids of the messages that count in a queue, sorted; scores as below. Being in a set, each
-- counts once, however often its row is put; and a row names its queue, so it leaves that as it enters another.
local function queue_key(queue)
  return 'helio:queue:' .. queue
end

local entered = {}

-- `score`: of a pending one when it was accepted, of others until when they count. `expiry`: of its row.
local function move(id, old, new, score, expiry)
  local pending = string.sub(new, 1, 8) == 'pending:'
  if pending and old == new then
    return
  elseif old and old ~= '-' and old ~= new then
    redis.call('ZREM', queue_key(old), id)
  end
  if new ~= '-' and tonumber(expiry) > now then
    redis.call('ZADD', queue_key(new), score, id)
    local ends = math.max(tonumber(pending and expiry or score), now)
    entered[new] = { pending = pending, ends = math.max(ends, entered[new] and entered[new].ends or 0) }
  end
end

-- Clocks differ: what counts no longer is kept a little longer.
local SLACK = 3600000
local function trim()
  for queue, its in pairs(entered) do
    local key, ends = queue_key(queue), string.format('%.0f', its.ends + SLACK)
    if not its.pending then
      redis.call('ZREMRANGEBYSCORE', key, '-inf', now - SLACK)
    end
    if redis.call('PEXPIREAT', key, ends, 'NX') == 0 then
      redis.call('PEXPIREAT', key, ends, 'GT')
    end
  end
end
