-- ARGV: partitions. Answers those that are not whole.
local run, missing = server_run(), {}
for _, partition in ipairs(ARGV) do
  if redis.call('HGET', READ, partition) ~= 'whole ' .. run then
    missing[#missing + 1] = tonumber(partition)
  end
end
return missing
