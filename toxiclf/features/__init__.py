"""Comments as numbers: averages and sequences of word vectors, n-grams, selection."""
