"""From a user's text to a simpler data set: read, filter, chunk, rewrite, verify, shard, account."""
