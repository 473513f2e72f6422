-- ARGV[2]: life of the lock (ms), then names of day caps with their lines (ledger/days.py): what they have let go today, for
-- the epoch to come. The lock lives on.
local key = 'helio:' .. token .. ':days'
for n = 3, #ARGV, 2 do
  redis.call('HSET', key, ARGV[n], ARGV[n + 1])
end
redis.call('PEXPIRE', key, 172800000)
redis.call('PEXPIRE', 'helio:rebuild', ARGV[2])
