-- What a task may win, and what it ends as when it is too late for that: docs/protocol.md, rules 2 and 9.
local function wins(claim, ask)
  if claim.state == 'absent' then
    return ask.attempt == 1
  elseif claim.state == 'open' then
    return claim.attempt == ask.attempt
  end
  return claim.state == 'closed' and claim.why == UNKNOWN and ask.how == 'resend'
    and ask.attempt > 1 and claim.attempt == ask.attempt - 1
end

-- Whether an attempt before this one may have been sent. 1 and 0, as a line has it.
local function maybe_sent(claim, ask)
  return (ask.how ~= 'plain' or claim.maybe_sent == '1') and '1' or '0'
end

-- A task that could win ends as this when it may not go any more: never as if nothing had been sent, where something may
-- have been.
local function ended_line(claim, ask, why)
  return closed_line(maybe_sent(claim, ask) == '1' and UNKNOWN or why, ask.attempt)
end

local function late_line(claim, ask)
  return ended_line(claim, ask, 'expired')
end
