-- ARGV: id, token. Its request is over without a row or an answer: another of the same content may use the key.
local hold = read_hold(ARGV[1])
if hold and hold.token == ARGV[2] then
  redis.call('SET', hold_key(ARGV[1]), '0 ' .. hold.token .. ' ' .. hold.fingerprint, 'KEEPTTL')
end
