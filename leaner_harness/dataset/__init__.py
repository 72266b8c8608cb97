"""From a user's text to a simpler data set: filter, chunk, rewrite, verify, shard, account."""
