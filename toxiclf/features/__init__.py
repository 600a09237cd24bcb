"""Features of comments: averaged word vectors, sequences of word vectors, n-grams, and the selection of dimensions."""
