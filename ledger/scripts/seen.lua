-- What is known of a message at one moment: its row (JSON) or nil, its claim's line or nil, its tries.
local run = server_run()
local epoch = valid_epoch(run)

local function seen(id)
  local line = epoch and redis.call('GET', 'helio:' .. epoch .. ':c:' .. id)
  return { row_json(id) or false, line or false, redis.call('LRANGE', 'helio:tries:' .. id, 0, -1) }
end
