# libmolmo, its headers, the program, and how other projects find them. Filled in with the public API.
