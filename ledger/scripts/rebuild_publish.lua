-- The claims that were written become the ledger: the one compare-and-set of a rebuild.
local clock = redis.call('TIME')
local now = string.format('%.0f', clock[1] * 1000000 + clock[2])
redis.call('SET', 'helio:epoch', token .. ' ' .. now .. ' ' .. run)
redis.call('DEL', 'helio:rebuild')
