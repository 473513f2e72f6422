-- The claim of a message: see ledger/claims.py for its lines. Numbers stay text where only compared or copied.
local UNKNOWN, SENT, CANCELLED = 'unknown', 'sent', 'cancelled'
-- A key outlives the moment at which the message is forgotten by this, in milliseconds.
local MARGIN = 3600000

local function int(number)
  return string.format('%.0f', number)
end

local function claim_key(id)
  return 'helio:' .. epoch .. ':c:' .. id
end

local function read_claim(id)
  local line = redis.call('GET', claim_key(id))
  if not line then
    return { state = 'absent', line = false }
  end
  local state, rest = string.match(line, '^(%l+) (.+)$')
  local claim = { state = state, line = line }
  if state == 'open' then
    claim.attempt, claim.maybe_sent, claim.record = string.match(rest, '^(%d+) ([01]) (%S+)$')
  elseif state == 'sending' then
    claim.attempt, claim.maybe_sent, claim.till, claim.nonce, claim.record, claim.via =
      string.match(rest, '^(%d+) ([01]) (%d+) (%S+) (%S+) ?(%S*)$')
    claim.till = tonumber(claim.till)
  else
    claim.why, claim.attempt, claim.nonce = string.match(rest, '^(%S+) (%d+) ?(%S*)')
  end
  claim.attempt = tonumber(claim.attempt)
  return claim
end

-- Which messages are being handed over (scores: until when), for queues.lua.
local SENDING = 'helio:' .. epoch .. ':sending'

local function expiry(forget_at)
  return int(math.max(forget_at, now) + MARGIN)
end

-- Never deleted: it lives as long as its message, and always longer than now.
local function write_claim(id, line, forget_at)
  redis.call('SET', claim_key(id), line, 'PXAT', expiry(forget_at))
  redis.call('ZREM', SENDING, id)
  return line
end

local function write_sending(id, line, forget_at, till)
  redis.call('SET', claim_key(id), line, 'PXAT', expiry(forget_at))
  redis.call('ZADD', SENDING, till, id)
end

local function closed_line(why, attempt)
  return 'closed ' .. why .. ' ' .. int(attempt)
end

-- Nobody knows what came of a hand-over: its nonce, and what it went out through where that is known.
local function unknown_line(sending)
  return closed_line(UNKNOWN, sending.attempt) .. ' ' .. sending.nonce .. (sending.via ~= '' and ' ' .. sending.via or '')
end

local function open_line(attempt, maybe_sent, record)
  return 'open ' .. int(attempt) .. ' ' .. maybe_sent .. ' ' .. record
end

local function is_own_sending(claim, nonce)
  return claim.state == 'sending' and claim.nonce == nonce
end

local function is_own_unknown(claim, nonce)
  return claim.state == 'closed' and claim.why == UNKNOWN and nonce ~= '' and claim.nonce == nonce
end

-- Which hand-over is unknown now, and until when it may have been under way:
-- helio:<epoch>:lost:<id> = <attempt> <nonce> <until> <record>, for as long as its provider may be asked about it.
local ASKED_FOR = 3 * 3600000
local function lost_key(id)
  return 'helio:' .. epoch .. ':lost:' .. id
end

local function note_lost(id, claim)
  local line = table.concat({ int(claim.attempt), claim.nonce, int(claim.till), claim.record }, ' ')
  redis.call('SET', lost_key(id), line, 'PXAT', int(claim.till + ASKED_FOR))
end
