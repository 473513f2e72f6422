-- ARGV: provider, message ids. They have been given out for good.
redis.call('ZREM', queue_key('sent:' .. ARGV[1]), unpack(ARGV, 2))
