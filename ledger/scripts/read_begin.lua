-- ARGV: token, partition. Somebody begins to read the partition again from its start.
redis.call('HSET', READ, ARGV[2], 'reading ' .. server_run() .. ' ' .. ARGV[1])
