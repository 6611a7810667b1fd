package store

import "strconv"

// is32bit tells that pointers have 32 bits: the address space bounds the memory map of the file.
const is32bit = strconv.IntSize == 32
