-- The breaker of an account: where most hand-overs come to nothing it opens, and nothing goes; then one at a time may
-- go to probe. Functions of the breaker and `now` alone, in milliseconds; docs/ledger.md draws its moves.
--
-- A breaker: state, pause (how long it was last open), since (when it closed, or opened), and
--   closed: from (when this period began), bad, all (hand-overs of it), bad_before, all_before (of the one before);
--   open: till (nothing goes before it); probing: till (then the probe is lost), probe (its nonce).

-- It judges by this period and the one before; each ends after 15 seconds or twenty outcomes. So a busy account that
-- stops answering is left alone after twenty, whatever it answered before.
local PERIOD, MOST, LEAST = 15000, 20, 10
local FIRST_PAUSE, LONGEST_PAUSE = 2000, 30000
-- Closed for that long, it has forgotten its last pause.
local SETTLED = 60000
-- While a probe is under way the others ask again that often: it may be back in no time.
local ASK_AGAIN = 500

-- value: closed <pause> <since> <from> <bad> <all> <bad_before> <all_before>, open <pause> <since> <till>,
-- or probing <pause> <since> <till> <probe>; nil: closed, and nothing is known.
local function read_breaker(value, now)
  if not value then
    return { state = 'closed', pause = 0, since = 0, from = now, bad = 0, all = 0, bad_before = 0, all_before = 0 }
  end
  local state, pause, since, rest = string.match(value, '^(%l+) (%d+) (%d+) (.+)$')
  local breaker = { state = state, pause = tonumber(pause), since = tonumber(since) }
  if state == 'closed' then
    local from, bad, all, bad_before, all_before = string.match(rest, '^(%d+) (%d+) (%d+) (%d+) (%d+)$')
    breaker.from, breaker.bad, breaker.all = tonumber(from), tonumber(bad), tonumber(all)
    breaker.bad_before, breaker.all_before = tonumber(bad_before), tonumber(all_before)
  else
    local till, probe = string.match(rest, '^(%d+) ?(%S*)$')
    breaker.till, breaker.probe = tonumber(till), probe
  end
  return breaker
end

local function write_breaker(b)
  local head = string.format('%s %.0f %.0f ', b.state, b.pause, b.since)
  if b.state == 'closed' then
    return head .. string.format('%.0f %d %d %d %d', b.from, b.bad, b.all, b.bad_before, b.all_before)
  elseif b.state == 'open' then
    return head .. string.format('%.0f', b.till)
  end
  return head .. string.format('%.0f %s', b.till, b.probe)
end

-- How long until it lets one go, or should be asked again; 0: now.
local function wait_for_breaker(b, now)
  if b.state == 'closed' or b.till <= now then
    return 0
  end
  return b.state == 'open' and b.till - now or math.min(b.till - now, ASK_AGAIN)
end

-- A hand-over that it let go begins, and is over by `till`. Whether it is a probe.
local function begin_probe(b, nonce, till)
  if b.state == 'closed' then
    return false
  end
  b.state, b.till, b.probe = 'probing', till, nonce
  return true
end

local function open_breaker(b, now)
  if b.state == 'closed' then
    b.pause = now - b.since < SETTLED and b.pause or 0
    b.since = now
  end
  b.pause = math.min(math.max(2 * b.pause, FIRST_PAUSE), LONGEST_PAUSE)
  b.state, b.till = 'open', now + b.pause
end

local function close_breaker(b, now)
  b.state, b.since, b.from = 'closed', now, now
  b.bad, b.all, b.bad_before, b.all_before = 0, 0, 0, 0
end

local function count_outcome(b, is_bad, now)
  if b.all >= MOST or now - b.from >= PERIOD then
    local is_next = now - b.from < 2 * PERIOD
    b.bad_before, b.all_before = is_next and b.bad or 0, is_next and b.all or 0
    b.from, b.bad, b.all = now, 0, 0
  end
  b.bad, b.all = b.bad + (is_bad and 1 or 0), b.all + 1
end

-- What came of a hand-over. While it is not closed only its probe counts: the others began before it opened.
local function note_outcome(b, nonce, is_bad, now)
  if b.state == 'closed' then
    count_outcome(b, is_bad, now)
    local all = b.all + b.all_before
    if all >= LEAST and 2 * (b.bad + b.bad_before) >= all then
      open_breaker(b, now)
    end
  elseif b.state == 'probing' and b.probe == nonce then
    if is_bad then
      open_breaker(b, now)
    else
      close_breaker(b, now)
    end
  end
end
