-- ARGV[1], ARGV[2]: token and run of a rebuild. One that lost its lock, or began under another run, stops here.
local token, run = ARGV[1], ARGV[2]
if redis.call('GET', 'helio:rebuild') ~= token or server_run() ~= run or valid_epoch(run) then
  return redis.error_reply('FENCED another rebuild, or another server run, has begun')
end
