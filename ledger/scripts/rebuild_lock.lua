-- ARGV: token, its life (ms). Answers {'valid'} where nothing is to be rebuilt, {'held'} where another rebuilds,
-- {'evicts', policy} where the server may drop claims, else {'locked'}: the token holds the lock.
-- helio:rebuild = <token> <run>; what began under another run can no longer publish, so it holds nothing.
local run = server_run()
if valid_epoch(run) then
  return { 'valid' }
end
local memory = redis.call('INFO', 'memory')
local policy = string.match(memory, 'maxmemory_policy:(%S+)')
if string.match(memory, 'maxmemory:(%d+)') ~= '0' and policy ~= 'noeviction' then
  return { 'evicts', policy }
end
local its_run = string.match(redis.call('GET', 'helio:rebuild') or '', ' (%S+)$')
if its_run == run then
  return { 'held' }
end
redis.call('SET', 'helio:rebuild', ARGV[1] .. ' ' .. run, 'PX', ARGV[2])
return { 'locked' }
