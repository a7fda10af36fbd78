"""What an answer has to hold, whoever looks at it: suites and fuzzing ask the same functions, and so agree on levels.

Pure functions of values. Each returns what it sees; whoever asks decides which check that fails.
"""
