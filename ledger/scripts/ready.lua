-- Nothing is decided about claims on a server that may have lost some.
local epoch, published = valid_epoch(server_run())
if not epoch then
  return redis.error_reply('NOTREADY the ledger has no epoch of this server run')
end
