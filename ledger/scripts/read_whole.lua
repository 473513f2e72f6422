-- ARGV: token, partition, how many partitions there are. It has been read to its end; that counts only if this
-- server has lost nothing since it began. Answers 1 if it is whole now.
local run = server_run()
if redis.call('HGET', READ, ARGV[2]) ~= 'reading ' .. run .. ' ' .. ARGV[1] then
  return 0
end
redis.call('HSET', READ, ARGV[2], 'whole ' .. run, 'of', ARGV[3])
return 1
