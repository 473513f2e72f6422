-- ARGV[1]: token of a rebuild. One that has lost its lock, or that began under another run, goes no further.
local token, run = ARGV[1], server_run()
if redis.call('GET', 'helio:rebuild') ~= token .. ' ' .. run or valid_epoch(run) then
  return redis.error_reply('FENCED another rebuild, or another server run, has begun')
end
