"""Files that were made to do harm, or were damaged, given to everything that reads a file of a user.

`forms` writes bytes that no honest program writes, `weights`, `networks`, `tflite`, `stored` and `inputs` are the cases
of each reader, `room` runs one in a process of its own with little memory and time, `table` says what came of them.
"""
