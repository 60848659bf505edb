# A text file as lines of C string literals.
s/\\/\\\\/g
s/"/\\"/g
s/^/"/
s/$/\\n",/
