-- How far sms.status.v1 has been read again into something since this server run began: a hash
-- READ = {<partition>: 'reading <run> <token>' or 'whole <run>', of: how many partitions there are}
local function is_whole(run)
  local partitions = tonumber(redis.call('HGET', READ, 'of'))
  if not partitions then
    return false
  end
  for partition = 0, partitions - 1 do
    if redis.call('HGET', READ, partition) ~= 'whole ' .. run then
      return false
    end
  end
  return true
end
