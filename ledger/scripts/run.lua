-- Which run of which server answers. A restarted server has another run id. A primary that was demoted,
-- and promoted again before anybody rebuilt, has its run id still, but names its interim primary here:
-- what it had not replicated is gone.
local function server_run()
  -- Two calls of one section each: one call of both costs twice as much.
  local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  return run_id .. '/' .. string.match(redis.call('INFO', 'replication'), 'master_replid2:(%w+)')
end

-- The epoch's name and when it was published (microseconds), or nil if it does not belong to this run.
-- helio:epoch = <name> <published> <run>
local function valid_epoch(run)
  local name, published, its_run = string.match(redis.call('GET', 'helio:epoch') or '', '^(%S+) (%d+) (%S+)$')
  if its_run == run then
    return name, tonumber(published)
  end
end
