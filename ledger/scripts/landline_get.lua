-- ARGV: numbers. Answers 1 for each that is known to be a landline, else 0.
local answers = {}
for n, number in ipairs(ARGV) do
  answers[n] = redis.call('EXISTS', 'helio:landline:' .. number)
end
return answers
