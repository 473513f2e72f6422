-- Which run of which server answers. A restarted server has another run id. A primary that was demoted,
-- and promoted again before anybody rebuilt, has its run id still, but names its interim primary here:
-- what it had not replicated is gone.
local function server_run()
  local info = redis.call('INFO', 'server', 'replication')
  return string.match(info, 'run_id:(%w+)') .. '/' .. string.match(info, 'master_replid2:(%w+)')
end

-- The epoch's name and when it was published (microseconds), or nil if it does not belong to this run.
-- helio:epoch = <name> <published> <run>
local function valid_epoch(run)
  local name, published, its_run = string.match(redis.call('GET', 'helio:epoch') or '', '^(%S+) (%d+) (%S+)$')
  if its_run == run then
    return name, tonumber(published)
  end
end
