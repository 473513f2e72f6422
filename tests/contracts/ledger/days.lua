-- Day caps under a clock of our own. ARGV[1]: JSON {caps = [{name, most}], events = [{at, caps, segments, midnights}] or
-- [{at, back}]}: a claim that counts against caps (by place), or the giving back of what the claim of that number counted.
-- Answers for each event 1 where it was done.
local told = cjson.decode(ARGV[1])
local won, answers = {}, {}
for n, event in ipairs(told.events) do
  now = event.at
  days, changed_days = {}, {}
  if event.back then
    local claim = won[event.back]
    won[event.back] = nil
    answers[n] = claim and 1 or 0
    if claim then
      give_back(claim, claim.at)
    end
  elseif must_wait_for_a_day(event, { caps = told.caps, midnights = event.midnights }) then
    answers[n] = 0
  else
    count_today(event, { caps = told.caps, midnights = event.midnights })
    local names = {}
    for place, cap in ipairs(event.caps) do
      names[place] = told.caps[cap].name
    end
    won[n] = { caps = names, segments = event.segments, at = event.at }
    answers[n] = 1
  end
  keep_days()
end
redis.call('DEL', DAYS)
return answers
