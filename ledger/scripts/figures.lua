-- helio:queue:<queue>: the ids of the messages that count in a queue, sorted; scores as below. Being in a set, each
-- counts once, however often its row is put; and a row names its queue, so it leaves that as it enters another.
local function queue_key(queue)
  return 'helio:queue:' .. queue
end

-- One that its messages stay in until they move on: pending:<organization>:<provider>, and sent:<provider>, those that
-- have no receipt yet (poll.lua).
local function is_lasting(queue)
  return string.sub(queue, 1, 8) == 'pending:' or string.sub(queue, 1, 5) == 'sent:'
end

-- What this call changes in each queue: the new scores of messages, false where one leaves; and when the last one that
-- enters counts no longer. Written at the end, by `settle`: one command for hundreds of messages.
local changed = {}

local function change(queue, id, score, ends)
  local its = changed[queue] or { scores = {}, ends = 0 }
  its.scores[id], its.ends = score, math.max(its.ends, ends)
  changed[queue] = its
end

-- `score`: of a pending one when it was accepted, of a sent one when it was sent, of others until when they count.
-- `expiry`: of its row.
local function move(id, old, new, score, expiry)
  local lasting = is_lasting(new)
  if lasting and old == new then
    return
  elseif old and old ~= '-' and old ~= new then
    change(old, id, false, 0)
  end
  if new ~= '-' and tonumber(expiry) > now then
    change(new, id, score, math.max(tonumber(lasting and expiry or score), now))
  end
end

-- Lua hands no more than some thousands of values over.
local PAGE = 1000
local function all_of(command, key, values)
  for from = 1, #values, PAGE do
    redis.call(command, key, unpack(values, from, math.min(from + PAGE - 1, #values)))
  end
end

-- Clocks differ: what counts no longer is kept a little longer. What a mass failure has left goes in pieces, so that no
-- call holds the server up; it is not counted meanwhile (`queues` counts by score).
local SLACK, MOST_TRIMMED = 3600000, 1000
-- A sent one that nobody polls for stays no longer than any row.
local LONGEST_ROW = 7 * 24 * 3600000 + 3 * 3600000
local function trim(key, kept)
  local stale = redis.call('ZCOUNT', key, '-inf', now - kept)
  if stale > 0 then
    redis.call('ZREMRANGEBYRANK', key, 0, math.min(stale, MOST_TRIMMED) - 1)
  end
end

local function settle()
  for queue, its in pairs(changed) do
    local key, coming, going = queue_key(queue), {}, {}
    for id, score in pairs(its.scores) do
      if score then
        coming[#coming + 1], coming[#coming + 2] = score, id
      else
        going[#going + 1] = id
      end
    end
    all_of('ZREM', key, going)
    all_of('ZADD', key, coming)
    if #coming > 0 then
      local ends = string.format('%.0f', its.ends + SLACK)
      if not is_lasting(queue) then
        trim(key, SLACK)
      elseif string.sub(queue, 1, 5) == 'sent:' then
        trim(key, LONGEST_ROW)
      end
      if redis.call('PEXPIREAT', key, ends, 'NX') == 0 then
        redis.call('PEXPIREAT', key, ends, 'GT')
      end
    end
  end
end
