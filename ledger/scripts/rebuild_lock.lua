-- ARGV: token, its life (ms). Answers {'valid'} where nothing is to be rebuilt, {'held'} where another rebuilds,
-- {'evicts', policy} where the server may drop claims, else {'locked', run}: the token holds the lock.
local run = server_run()
if valid_epoch(run) then
  return { 'valid' }
end
local memory = redis.call('INFO', 'memory')
local policy = string.match(memory, 'maxmemory_policy:(%S+)')
if string.match(memory, 'maxmemory:(%d+)') ~= '0' and policy ~= 'noeviction' then
  return { 'evicts', policy }
end
if not redis.call('SET', 'helio:rebuild', ARGV[1], 'NX', 'PX', ARGV[2]) then
  return { 'held' }
end
return { 'locked', run }
