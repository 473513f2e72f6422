-- A row of the view: helio:view:<id> = <sequence> <queue> <JSON>. `queue` is the figure that the message counts in,
-- - for none: pending:<organization>:<provider>, or unknown:..., or failed:... . Rows of earlier versions have none.
local function row_key(id)
  return 'helio:view:' .. id
end

-- The sequence and the queue of a row; nil where there is no row, or no queue.
local function row_head(id)
  local head = redis.call('GETRANGE', row_key(id), 0, 255)
  local sequence, queue = string.match(head, '^(%d+) ([^ {]*)')
  return sequence, queue ~= '' and queue or nil
end

local function row_json(id)
  local value = redis.call('GET', row_key(id))
  return value and string.match(value, '{.*')
end
