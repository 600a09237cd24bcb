"""Features of comments: averages and sequences of word vectors, n-grams, and selection."""
