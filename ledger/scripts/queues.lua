-- ARGV: organization, now (ms), provider, ... Answers 1 if the view is whole, then for each provider {pending, active,
-- failed, when the oldest pending one was accepted or nil}.
local run = server_run()
local epoch = valid_epoch(run)
-- Ids that are being handed over, and how many of them each queue has.
local sending, held = {}, {}

-- A claim is known before its row may be, and forgotten before it.
local function note_sending(id)
  local sequence, queue = row_head(id)
  if queue then
    sending[id], held[queue] = true, (held[queue] or 0) + 1
  elseif not sequence and redis.call('EXISTS', 'helio:' .. epoch .. ':c:' .. id) == 0 then
    redis.call('ZREM', 'helio:' .. epoch .. ':sending', id)
  end
end

-- More than 25 dispatchers have under way; of still more, those that end last count as pending.
local MOST_SENDING = 5000
if epoch then
  for _, id in ipairs(redis.call('ZRANGE', 'helio:' .. epoch .. ':sending', 0, MOST_SENDING - 1)) do
    note_sending(id)
  end
end

-- Rows that have expired while they were pending are found here, at the old end; not too many at a time.
local PAGE, MOST = 100, 1000
local function oldest(queue)
  local key, from, gone = queue_key(queue), 0, 0
  while gone < MOST do
    local page = redis.call('ZRANGE', key, from, from + PAGE - 1, 'WITHSCORES')
    if #page == 0 then
      return false
    end
    for n = 1, #page, 2 do
      local _, its = row_head(page[n])
      if its ~= queue then
        gone = gone + redis.call('ZREM', key, page[n])
      elseif sending[page[n]] then
        from = from + 1
      else
        return page[n + 1]
      end
    end
  end
  return false
end

local found = { is_whole(run) and 1 or 0 }
for n = 3, #ARGV do
  local its = ':' .. ARGV[1] .. ':' .. ARGV[n]
  local waiting, since = 'pending' .. its, '(' .. ARGV[2]
  local first = oldest(waiting)
  local handed = held[waiting] or 0
  found[n - 1] = {
    redis.call('ZCARD', queue_key(waiting)) - handed,
    redis.call('ZCOUNT', queue_key('unknown' .. its), since, '+inf') + handed,
    redis.call('ZCOUNT', queue_key('failed' .. its), since, '+inf'),
    first,
  }
end
return found
