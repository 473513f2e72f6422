-- What is known of the providers' health. Answers {now (ms), breakers, slowed}, each as {name, line, ...}.
return { now, redis.call('HGETALL', BREAKERS), redis.call('HGETALL', SLOWED) }
