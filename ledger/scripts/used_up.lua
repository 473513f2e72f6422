-- ARGV[1]: JSON [{name, most}]. Which of these day caps have no room for one segment more today: 1 or 0 for each.
local answers = {}
for n, cap in ipairs(cjson.decode(ARGV[1])) do
  local today = day_of(cap.name)
  answers[n] = today and today.count >= cap.most and 1 or 0
end
return answers
