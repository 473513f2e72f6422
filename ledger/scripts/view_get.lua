-- ARGV[1]: message id. Answers its row or nil, its claim's line or nil, and 1 if the view is whole.
local run = server_run()
local row = redis.call('GET', 'helio:view:' .. ARGV[1])
local epoch = valid_epoch(run)
local line = epoch and redis.call('GET', 'helio:' .. epoch .. ':c:' .. ARGV[1])
return { row and string.match(row, '^%d+ (.*)$'), line or false, is_whole(run) and 1 or 0 }
