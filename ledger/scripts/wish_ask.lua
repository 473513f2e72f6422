-- ARGV[1]: JSON [[number, scope, ...]]. Answers 1 for each that is not wanted there, else 0.
local answers = {}
for n, reach in ipairs(cjson.decode(ARGV[1])) do
  local number = table.remove(reach, 1)
  answers[n] = is_opted_out(reach, number) and 1 or 0
end
return answers
