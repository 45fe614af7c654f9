"""Rules for portraits: their schema, their files, what they ask and advise, and their verdicts."""
